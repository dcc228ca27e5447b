/** The parameters of an answer as a whole: its length, its stop texts, its seed. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { COMPLETE_TOKENS } from "../actions/requests.js";
import { conversation, model } from "../state/store.js";
import { readNumber, readStops, writeStops } from "./fields.js";
import { lastSeed } from "./last-seed.js";
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
    <WholeNumber
      {...{ id: "setting-max_tokens", label: "Length", hint: "New tokens of an answer at most", value, isChanged, set }}
      {...{ least: 1, most, fallback }}
    />
  );
}

export function SeedSetting(): VNode {
  const { value, fallback, isChanged, set } = setting("seed");
  const last = lastSeed();
  return (
    <WholeNumber
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
        fallback: typeof fallback === "number" ? `${fallback}` : "drawn",
      }}
    >
      {last !== null && last !== value && (
        <button type="button" class="setting-reset" onClick={() => set(last)}>
          take the last one, {last}
        </button>
      )}
    </WholeNumber>
  );
}

interface WholeNumberProps {
  id: string;
  label: string;
  hint: string;
  value: number | undefined;
  isChanged: boolean;
  set(value: number | undefined): void;
  least: number;
  most: number;
  fallback: string;
  children?: VNode | false;
}

function WholeNumber(props: WholeNumberProps): VNode {
  const { id, label, hint, value, isChanged, set, least, most, fallback, children } = props;
  const [typed, setTyped] = useState<string | null>(null);
  const isWrong = typed !== null && typed.trim() !== "";
  const take = (text: string) => {
    const read = readNumber(text, { least, most, isInteger: true });
    setTyped(read === null ? text : null);
    if (read !== null || text.trim() === "") set(read ?? undefined);
  };
  return (
    <SettingRow
      {...{ id, label, hint, isChanged, fallback }}
      fault={isWrong ? `Not a whole number from ${least} to ${most}.` : ""}
      onReset={() => {
        setTyped(null);
        set(undefined);
      }}
      field={
        <input
          id={id}
          type="text"
          inputMode="numeric"
          autocomplete="off"
          class="setting-number wide"
          aria-describedby={`${id}-hint`}
          aria-invalid={isWrong}
          placeholder={fallback}
          value={typed ?? value ?? ""}
          onInput={({ currentTarget }) => take(currentTarget.value)}
          onBlur={() => setTyped(null)}
        />
      }
    >
      {children}
    </SettingRow>
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
