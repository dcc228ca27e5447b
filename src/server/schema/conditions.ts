/** Rules between the fields of a request, which the schemas of single fields cannot have, for the document. The routes check them. */

type Schema = Record<string, unknown>;

/** The rules that concern these fields, as JSON Schemas that must all hold. */
export function conditions(fields: readonly string[], path: string): Schema[] {
  const has = (...names: string[]) => names.every((name) => fields.includes(name));
  const rules: Schema[] = [];
  if (has("stream_options", "stream")) rules.push(implies(isGiven("stream_options"), isTrue("stream")));
  if (has("top_logprobs", "logprobs")) {
    // ollama's clients send 0 for none.
    const number = { type: "integer", minimum: path.startsWith("/api/") ? 1 : 0 };
    rules.push(implies(isOf("top_logprobs", number), isTrue("logprobs")));
  }
  if (has("add_generation_prompt", "continue_final_message")) {
    rules.push({ not: { allOf: [isTrue("add_generation_prompt"), isTrue("continue_final_message")] } });
  }
  if (has("content", "prompt", "messages")) rules.push({ oneOf: ["content", "prompt", "messages"].map(isGiven) });
  if (has("raw", "system", "context")) {
    const none = (empty: Schema) => ({ anyOf: [{ type: "null" }, empty] });
    const properties = { system: none({ maxLength: 0 }), context: none({ maxItems: 0 }) };
    // Without a prompt the model is only loaded.
    const prompt = isOf("prompt", { type: "string", minLength: 1 });
    rules.push(implies({ allOf: [isTrue("raw"), prompt] }, { properties }));
  }
  if (has("prompt", "add_special_tokens", "max_tokens")) {
    // Without BOS an empty text has no tokens.
    const text = { not: { anyOf: [{ const: "" }, { type: "array", contains: { const: "" } }] } };
    rules.push(implies(isOf("add_special_tokens", { const: false }), { properties: { prompt: text } }));
  }
  return rules;
}

/** Where the first holds, the second must. */
function implies(condition: Schema, rule: Schema): Schema {
  return { anyOf: [{ not: condition }, rule] };
}

function isOf(name: string, schema: Schema): Schema {
  return { required: [name], properties: { [name]: schema } };
}

function isTrue(name: string): Schema {
  return isOf(name, { const: true });
}

/** Present, and not null, which is absent. */
function isGiven(name: string): Schema {
  return isOf(name, { not: { type: "null" } });
}
