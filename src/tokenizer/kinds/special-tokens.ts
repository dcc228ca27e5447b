/** Names of Llama 3's special tokens in the order of their ids; its tokenizer.model does not list them. Does not know the ids. */

/** Number of special tokens; their ids follow the ranks of the file. */
const COUNT = 256;

/** Meta's two tables: Llama 3's (llama3, tokenizer.py), and that of 3.1 and later (llama-models), which names some of the tokens that Llama 3 reserves. */
export type SpecialTokenSet = "3" | "3.1";

const NAMED: Record<SpecialTokenSet, readonly (string | null)[]> = {
  "3": [
    ...["begin_of_text", "end_of_text", null, null, null, null],
    ...["start_header_id", "end_header_id", null, "eot_id"],
  ],
  "3.1": [
    ...["begin_of_text", "end_of_text", null, null, "finetune_right_pad_id", "step_id"],
    ...["start_header_id", "end_header_id", "eom_id", "eot_id", "python_tag", "image"],
  ],
};

/** LLaMA's names, for files that name no tokens of their own. */
export const BOS_NAMES = ["<|begin_of_text|>", "<s>"];
export const EOS_NAMES = ["<|end_of_text|>", "</s>"];
export const PAD_NAMES = ["<|finetune_right_pad_id|>"];

/** The tokens that end a generation; a set need not have all of them. */
export const STOP_TOKENS = ["<|end_of_text|>", "<|eom_id|>", "<|eot_id|>"];

/** All names of a set; places without a name are reserved tokens with a number. */
export function specialTokenNames(set: SpecialTokenSet): string[] {
  let reserved = 0;
  return Array.from(
    { length: COUNT },
    (_, place) => `<|${NAMED[set][place] ?? `reserved_special_token_${reserved++}`}|>`,
  );
}
