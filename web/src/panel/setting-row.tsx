/** The frame of a parameter: its label, what it does, and the way back to the default. Does not know its values. */
import type { ComponentChildren, VNode } from "preact";

export interface SettingRowProps {
  id: string;
  label: string;
  hint: string;
  isChanged: boolean;
  /** The default in words. */
  fallback: string;
  onReset: () => void;
  /** What is wrong with what was typed; "": nothing. */
  fault?: string;
  /** Beside the label. */
  field?: ComponentChildren;
  /** Below it. */
  children?: ComponentChildren;
}

export function SettingRow(props: SettingRowProps): VNode {
  const { id, label, hint, isChanged, fallback, onReset, fault = "", field, children } = props;
  return (
    <div class={`setting${isChanged ? " changed" : ""}`}>
      <div class="setting-head">
        <label for={id}>{label}</label>
        {field}
      </div>
      {children}
      <p class="setting-hint" id={`${id}-hint`}>
        {fault === "" ? hint : <strong>{fault}</strong>}
        {isChanged && (
          <button type="button" class="setting-reset" aria-label={`${label}: back to ${fallback}`} onClick={onReset}>
            back to {fallback}
          </button>
        )}
      </p>
    </div>
  );
}
