/** Tests that the types of sampling options agree with their table. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SETTING_NAMES } from "../../src/cli/commands/repl/settings.js";
import { FORM_SETTINGS } from "../../src/cli/model/form-settings.js";
import { parserOf, type SamplingFlags } from "../../src/cli/options/flags.js";
import type { SAMPLING_OPTIONS, SamplingKey, SamplingName } from "../../src/generation/sampling/option-table.js";
import { SAMPLING_ROWS } from "../../src/generation/sampling/option-table.js";
import type { GenerateOptions, SamplingOptions } from "../../src/index.js";

type Row = (typeof SAMPLING_OPTIONS)[number];
type ValueOf<R extends Row> = R["kind"] extends { fits(value: infer T): boolean } ? T : never;
/** The types of the table's values, by flag and by option of the library. */
type ByName = { [R in Row as R["name"]]: ValueOf<R> };
type ByKey = { [R in Row as R["key"]]: ValueOf<R> };

/** Fails to compile unless both are the same. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
const agree: {
  flags: Same<SamplingName, keyof SamplingFlags>;
  options: Same<SamplingKey, keyof SamplingOptions | "maxGenLen" | "stop" | "promptLookupNumTokens">;
  /** A flag may be repeated, so its value is always a list. */
  flagValues: SamplingFlags extends { [N in SamplingName]?: ByName[N] | undefined } ? true : never;
  optionValues: Same<{ [K in SamplingKey]?: ByKey[K] | null }, { [K in SamplingKey]?: GenerateOptions[K] | null }>;
} = { flags: true, options: true, flagValues: true, optionValues: true };

test("the types of flags and of library options agree with the table", () => {
  assert.deepEqual(new Set(Object.values(agree)), new Set([true]));
});

test("the defaults of the table are values that it allows, and their texts are read back", () => {
  for (const { name, kind, default: library, commandDefault, key } of SAMPLING_ROWS) {
    assert.equal(
      key,
      name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    );
    for (const value of [library, commandDefault]) {
      if (value === undefined) continue;
      assert.ok(kind.isType(value) && kind.fits(value), name);
      if (typeof value !== "object") assert.equal(parserOf(kind)(String(value)), value);
    }
  }
});

test("a text that is not a value is refused with what is expected", () => {
  const refused = (name: string, text: string, expected: string) => {
    const { kind } = SAMPLING_ROWS.find((row) => row.name === name)!;
    assert.throws(() => parserOf(kind)(text), { message: `Expected ${expected}.` });
  };
  refused("temperature", "-1", "a number of at least 0");
  refused("top_p", "1.1", "a number from 0 to 1");
  refused("top_k", "1.5", "a whole number of at least 0");
  refused("repetition_penalty", "0", "a number above 0");
  refused("presence_penalty", "3", "a number from -2 to 2");
  refused("seed", "4294967296", "a whole number from 0 to 4294967295");
  refused("stop", "", "a non-empty text");
  refused("logit_bias", "5=x", "ID=BIAS, or several separated by commas");
  refused("prompt_lookup_num_tokens", "many", "auto or a whole number of at least 0");
});

test("`/set` has the options of the table that are settings, the system prompt and the forms", () => {
  const names = SAMPLING_ROWS.filter(({ isSetting }) => isSetting !== false).map(({ name }) => name as string);
  assert.deepEqual(SETTING_NAMES, [...names, "system", ...FORM_SETTINGS]);
});
