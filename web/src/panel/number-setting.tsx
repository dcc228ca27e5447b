/** A parameter that is a number: a slider for the usual values, a field for all. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { type NumberField, readNumber } from "./fields.js";
import { setting } from "./setting.js";
import { SettingRow } from "./setting-row.js";

export function NumberSetting({ field }: { field: NumberField }): VNode {
  const { name, label, hint, isInteger = false, least, most, from, to, step } = field;
  const { value, fallback, isChanged, set } = setting(name);
  /** What is typed, while it is not a value. */
  const [typed, setTyped] = useState<string | null>(null);
  const id = `setting-${name}`;
  const shown = value ?? (typeof fallback === "number" ? fallback : null);
  const take = (text: string) => {
    const read = readNumber(text, field);
    setTyped(read === null ? text : null);
    if (read !== null) set(read);
    else if (text.trim() === "") set(undefined);
  };
  const isWrong = typed !== null && typed.trim() !== "";
  const range = most > 1000 ? `of at least ${least}` : `from ${least} to ${most}`;
  return (
    <SettingRow
      {...{ id, label, hint, isChanged, fallback: fallback === null ? "the default" : String(fallback) }}
      fault={isWrong ? `Not ${isInteger ? "a whole number" : "a number"} ${range}.` : ""}
      onReset={() => {
        setTyped(null);
        set(undefined);
      }}
      field={
        <input
          id={id}
          type="text"
          inputMode="decimal"
          autocomplete="off"
          class="setting-number"
          aria-describedby={`${id}-hint`}
          aria-invalid={isWrong}
          value={typed ?? shown ?? ""}
          onInput={({ currentTarget }) => take(currentTarget.value)}
          onBlur={() => setTyped(null)}
        />
      }
    >
      <input
        type="range"
        aria-label={`${label}, slider`}
        min={from}
        max={to}
        step={step}
        value={Math.max(from, Math.min(to, shown ?? from))}
        onInput={({ currentTarget }) => take(currentTarget.value)}
      />
    </SettingRow>
  );
}
