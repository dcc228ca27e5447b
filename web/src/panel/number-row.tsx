/** A parameter that is a number, in a field: what is typed counts as soon as it is a value. Does not know which parameter. */
import type { ComponentChildren, VNode } from "preact";
import { useState } from "preact/hooks";
import { type NumberField, readNumber } from "./fields.js";
import { SettingRow } from "./setting-row.js";

interface NumberRowProps extends Pick<NumberField, "least" | "most" | "isInteger"> {
  id: string;
  label: string;
  hint: string;
  /** What the field shows while nothing is typed. */
  value: number | null | undefined;
  isChanged: boolean;
  set(value: number | undefined): void;
  fallback: string;
  /** The values in words: "from 0 to 2". */
  range: string;
  /** An empty field shows the default as what it would be. */
  isOptional?: boolean;
  children?: ComponentChildren;
}

export function NumberRow(props: NumberRowProps): VNode {
  const { id, label, hint, value, isChanged, set, isInteger = false, range, fallback, isOptional, children } = props;
  /** What is typed, while it is not a value. */
  const [typed, setTyped] = useState<string | null>(null);
  const isWrong = typed !== null && typed.trim() !== "";
  const take = (text: string) => {
    const read = readNumber(text, props);
    setTyped(read === null ? text : null);
    if (read !== null || text.trim() === "") set(read ?? undefined);
  };
  return (
    <SettingRow
      {...{ id, label, hint, isChanged, fallback, children }}
      fault={isWrong ? `Not ${isInteger ? "a whole number" : "a number"} ${range}.` : ""}
      onReset={() => {
        setTyped(null);
        set(undefined);
      }}
      field={
        <input
          id={id}
          type="text"
          inputMode={isOptional ? "numeric" : "decimal"}
          autocomplete="off"
          class={`setting-number${isOptional ? " wide" : ""}`}
          aria-describedby={`${id}-hint`}
          aria-invalid={isWrong}
          placeholder={isOptional ? fallback : ""}
          value={typed ?? value ?? ""}
          onInput={({ currentTarget }) => take(currentTarget.value)}
          onBlur={() => setTyped(null)}
        />
      }
    />
  );
}
