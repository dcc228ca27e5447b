/** Decodes ids of byte-string tokens to text, id by id, exactly as the whole list decodes. Does not know how text was encoded. */
import { Utf8Decoder } from "../../formats/files/utf8.js";
import { type Detokenizer, unknownId } from "./detokenizer.js";

/** `table` has the bytes of each id, one character a byte. */
export function createByteDetokenizer(table: readonly string[]): Detokenizer {
  const decoder = new Utf8Decoder("maximal subpart");
  const push = (id: number): string => {
    const bytes = table[id];
    if (bytes === undefined) throw unknownId(id, table.length);
    let text = "";
    for (let i = 0; i < bytes.length; i++) text += decoder.push(bytes.charCodeAt(i));
    return text;
  };
  return {
    push,
    flush: () => decoder.flush(),
    prime(ids) {
      for (const id of ids) push(id);
      decoder.silenceHeld();
    },
    bytes: (id) => Array.from(table[id] ?? "", (byte) => byte.charCodeAt(0)),
  };
}
