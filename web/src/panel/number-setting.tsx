/** A parameter of sampling that is a number: a slider for the usual values, a field for all. */
import type { VNode } from "preact";
import { type NumberField, readNumber } from "./fields.js";
import { NumberRow } from "./number-row.js";
import { setting } from "./setting.js";

export function NumberSetting({ field }: { field: NumberField }): VNode {
  const { name, label, hint, isInteger = false, least, most, from, to, step } = field;
  const { value, fallback, isChanged, set } = setting(name);
  const shown = value ?? (typeof fallback === "number" ? fallback : null);
  const range = most > 1000 ? `of at least ${least}` : `from ${least} to ${most}`;
  return (
    <NumberRow
      {...{ id: `setting-${name}`, label, hint, value: shown, isChanged, set, least, most, isInteger, range }}
      fallback={fallback === null ? "the default" : String(fallback)}
    >
      <input
        type="range"
        aria-label={`${label}, slider`}
        min={from}
        max={to}
        step={step}
        value={Math.max(from, Math.min(to, shown ?? from))}
        onInput={({ currentTarget }) => set(readNumber(currentTarget.value, field) ?? undefined)}
      />
    </NumberRow>
  );
}
