/** Which tokens of a GGUF vocabulary end a generation: those its metadata names, and those that do by their names. Does not know how text is encoded. */
import type { GgufVocabulary } from "../../formats/tokenizer/gguf-vocabulary.js";

/** Names that no ordinary text contains (llama.cpp, llama-vocab.cpp): they end a generation whatever type the file gives them. */
const CERTAIN = [
  ...["<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>", "<|endoftext|>"],
  ...["<|eom_id|>", "<|end_of_text|>", "<\uFF5Cend\u2581of\u2581sentence\uFF5C>"],
];
/** Names that may also be ordinary tokens, of pages in HTML for instance: these count unless the file says "normal". */
const UNLESS_NORMAL = [
  ...["</s>", "<end_of_turn>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<end_of_utterance>", "<eos>", "<turn|>"],
  ...["<|tool_response>", "[e~["],
];

/** Ids that end a generation by their names; their tokens are no text. */
export function namedStops({ tokens, types }: Pick<GgufVocabulary, "tokens" | "types">): Set<number> {
  const stops = new Map<string, number>();
  const [certain, unlessNormal] = [new Set(CERTAIN), new Set(UNLESS_NORMAL)];
  for (const [id, token] of tokens.entries()) {
    if (certain.has(token) || (unlessNormal.has(token) && types[id] !== "normal")) stops.set(token, id);
  }
  const hasAll = (...names: string[]) => names.every((name) => stops.has(name));
  // In these two families <|end|> ends a message, and the model continues.
  if (hasAll("<|return|>", "<|call|>") || hasAll("<|calls|>", "<|flush|>")) stops.delete("<|end|>");
  if (hasAll("<|tool_response>")) stops.delete("</s>");
  return new Set(stops.values());
}
