/** Decodes ids by the decoders of a tokenizer.json, id by id, exactly as the tokenizers library decodes the whole list. Does not know how text was encoded. */

import { type Detokenizer, unknownId } from "../decoding/detokenizer.js";
import type { DecoderSteps, TokenSink } from "./decoder-steps.js";

/** `tokens` by id: null for an id that has no token, or whose token is no text. */
export function createTokenDetokenizer(tokens: readonly (string | null)[], steps: DecoderSteps): Detokenizer {
  let text = "";
  const end: TokenSink = {
    push(part) {
      text += part;
    },
    flush() {},
    silence() {},
  };
  const first = steps(end);
  const taken = () => {
    const result = text;
    text = "";
    return result;
  };
  const push = (id: number): string => {
    const token = tokens[id];
    if (token === undefined) throw unknownId(id, tokens.length);
    if (token !== null) first.push(token, true);
    return taken();
  };
  return {
    push,
    flush() {
      first.flush();
      return taken();
    },
    prime(ids) {
      for (const id of ids) push(id);
      first.silence();
    },
    bytes(id) {
      const [, byte] = /^<0x([0-9A-F]{2})>$/.exec(tokens[id] ?? "") ?? [];
      return byte === undefined ? null : [Number.parseInt(byte, 16)];
    },
  };
}
