/** The JSON Schema Test Suite: a form never lets through what a schema forbids, and says by name what it does not support. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LlamaError } from "../../../src/error.js";
import { compileForm } from "../../../src/generation/form/compile-form.js";
import { jsonText } from "../../../src/generation/form/schema/json-text.js";
import { fixture, readJson } from "../../folders.js";
import { accepts } from "./accepts.js";

interface Group {
  file: string;
  schema: object | boolean;
  isRefused?: true;
  tests?: [value: unknown, isValid: boolean][];
}

const groups = readJson<Group[]>(fixture("forms/json-schema-test-suite.json"));
/** Values that a schema allows are often of a type that it does not speak of, which a form leaves out. */
const LEAST_ACCEPTED = 0.66;

test("no value that is not valid is of the form of a schema, and most that are valid are", () => {
  let [valid, accepted, invalid] = [0, 0, 0];
  for (const { file, schema, tests = [] } of groups) {
    if (tests.length === 0) continue;
    const states = compileForm({ jsonSchema: schema });
    for (const [value, isValid] of tests) {
      const isAccepted = accepts(states, jsonText(value));
      assert.ok(isValid || !isAccepted, `${file}: ${JSON.stringify(schema)} lets ${JSON.stringify(value)} through`);
      if (isValid) valid++;
      else invalid++;
      if (isValid && isAccepted) accepted++;
    }
  }
  assert.ok(invalid > 240, `${invalid} values are not valid`);
  assert.ok(accepted > LEAST_ACCEPTED * valid, `${accepted} of ${valid} valid values are of their forms`);
});

test("a schema that is not supported is refused in one line that names the place", () => {
  const refused = groups.filter(({ isRefused }) => isRefused);
  assert.ok(refused.length > 100);
  for (const { file, schema } of refused) {
    assert.throws(
      () => compileForm({ jsonSchema: schema }),
      (error: unknown) => {
        assert.ok(error instanceof LlamaError && error.kind === "usage", `${file}: ${error}`);
        assert.match(error.message, /^(json_schema #|form: no text can be of this form|form: rule )/, file);
        assert.doesNotMatch(error.message, /\n/);
        return true;
      },
    );
  }
});
