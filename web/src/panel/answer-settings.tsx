/** The parameters of an answer as a whole: its length, its stop texts, its seed. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { COMPLETE_TOKENS } from "../actions/requests.js";
import { conversation, model } from "../state/store.js";
import { readStops, writeStops } from "./fields.js";
import { lastSeed } from "./last-seed.js";
import { NumberRow } from "./number-row.js";
import { setting } from "./setting.js";
import { SettingRow } from "./setting-row.js";

/** Largest seed; the server takes any whole number modulo 2^32. */
const MAX_SEED = 2 ** 32 - 1;

export function LengthSetting(): VNode {
  const { value, isChanged, set } = setting("max_tokens");
  const limit = model.value?.defaults.max_tokens;
  const fallback =
    conversation.value.mode === "complete"
      ? `${COMPLETE_TOKENS}`
      : typeof limit === "number"
        ? `${limit}`
        : "all that fits";
  const most = model.value?.context ?? 2 ** 31 - 1;
  return (
    <NumberRow
      {...{ id: "setting-max_tokens", label: "Length", hint: "New tokens of an answer at most", value, isChanged, set }}
      {...{ least: 1, most, range: `from 1 to ${most}`, fallback, isInteger: true, isOptional: true }}
    />
  );
}

export function SeedSetting(): VNode {
  const { value, fallback, isChanged, set } = setting("seed");
  const last = lastSeed();
  return (
    <NumberRow
      {...{
        id: "setting-seed",
        label: "Seed",
        hint: "The same seed gives the same answer",
        value,
        isChanged,
        set,
      }}
      {...{
        least: 0,
        most: MAX_SEED,
        range: `from 0 to ${MAX_SEED}`,
        isInteger: true,
        isOptional: true,
        fallback: typeof fallback === "number" ? `${fallback}` : "drawn",
      }}
    >
      {last !== null && last !== value && (
        <button type="button" class="setting-reset" onClick={() => set(last)}>
          take the last one, {last}
        </button>
      )}
    </NumberRow>
  );
}

export function StopSetting(): VNode {
  const { value, fallback, isChanged, set } = setting("stop");
  const [typed, setTyped] = useState<string | null>(null);
  const ofServer = Array.isArray(fallback) ? fallback : [];
  const words = ofServer.length === 0 ? "none" : writeStops(ofServer).replace(/\n/g, ", ");
  return (
    <SettingRow
      {...{
        id: "setting-stop",
        label: "Stop texts",
        hint: "One a line; \\n is a line end",
        isChanged,
        fallback: words,
      }}
      onReset={() => {
        setTyped(null);
        set(undefined);
      }}
    >
      <textarea
        id="setting-stop"
        rows={2}
        spellcheck={false}
        aria-describedby="setting-stop-hint"
        value={typed ?? writeStops(value ?? ofServer)}
        onInput={({ currentTarget }) => {
          setTyped(currentTarget.value);
          set(readStops(currentTarget.value));
        }}
        onBlur={() => setTyped(null)}
      />
    </SettingRow>
  );
}
