/** Recognises input that other programs take, and says how to make lines of requests from it. Does not read requests. */
import type { Json } from "../../generation/options/wrong-type.js";
import { sameOption } from "../options/peer-words.js";

const OPENAI =
  "This is the form of OpenAI's batches; jq -c '{id: .custom_id, messages: .body.messages, max_gen_len: (.body.max_completion_tokens // .body.max_tokens), temperature: .body.temperature}' makes requests of it";
const LIST = "Give one object a line; jq -c '.[]' makes lines of a list";
const SPREAD = "Give each object on a line of its own; jq -c . does that";
const TEXT = 'Give one JSON object a line, such as {"prompt": "Once"}';

/** What to do about an unknown key of an object with `keys`; undefined if that is not known. */
export function keyAdvice(json: Json, unknown: string, keys: readonly string[]): string | undefined {
  if ("custom_id" in json || "body" in json) return OPENAI;
  const same = sameOption(`--${unknown}`, (own) => keys.includes(own));
  return same === undefined ? undefined : `It is ${same} here`;
}

/** What to do about a line that is not an object. */
export function lineAdvice(line: string): string {
  const text = line.trim();
  if (text.startsWith("[")) return LIST;
  return /^[{}\]"]/.test(text) ? SPREAD : TEXT;
}
