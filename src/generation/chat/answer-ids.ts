/** Checks the token ids that messages bring with them: those of earlier answers, which are kept instead of encoding their text again. */
import { LlamaError } from "../../error.js";
import { strip } from "../../tokenizer/encoding/python-whitespace.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import type { Dialog } from "./dialog.js";

/** The dialog with the text of answers that are given as ids only. Throws LlamaError (usage) for ids that are not those of the answer's text. */
export function checkAnswerIds(dialog: Dialog, tokenizer: Tokenizer, vocabSize: number): Dialog {
  const size = Math.min(vocabSize, tokenizer.vocabSize);
  return dialog.map((message, i) => {
    const { role, content, token_ids: tokenIds } = message;
    if (tokenIds === undefined) return message;
    const where = `messages[${i}].token_ids`;
    if (role !== "assistant") {
      throw new LlamaError("usage", "only answers have ids of their own", {
        where,
        expected: "assistant",
        found: role,
      });
    }
    const foreign = tokenIds.find((id) => !Number.isInteger(id) || id < 0 || id >= size);
    if (foreign !== undefined) {
      const expected = `token ids from 0 to ${size - 1}`;
      throw new LlamaError("usage", "an id is not in the vocabulary", { where, expected, found: String(foreign) });
    }
    const text = tokenizer.decode(tokenIds);
    if (content === "") return { ...message, content: text };
    if (!isTextOf(content, tokenIds, text, tokenizer)) {
      const fix = "Leave out the ids of an answer whose text was changed, or leave out its content";
      throw new LlamaError("usage", "the ids are those of another text than content", { where, fix });
    }
    return message;
  });
}

/** A stop string may have cut the text within the last token; spaces at the ends differ between programs. */
function isTextOf(content: string, ids: readonly number[], text: string, tokenizer: Tokenizer): boolean {
  const [own, whole] = [strip(content), strip(text)];
  if (own === whole) return true;
  const least = strip(tokenizer.decode(ids.slice(0, -1)));
  return whole.startsWith(own) && own.length >= least.length;
}
