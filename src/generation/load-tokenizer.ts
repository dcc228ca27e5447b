/** Loads a tokenizer of whichever kind a file holds. Knows the kinds by name only. */
import { readTokenizerFile } from "../formats/tokenizer-file.js";
import { loadHuggingFaceTokenizer } from "./hugging-face-tokenizer.js";
import { loadSentencePieceTokenizer } from "./sentencepiece-tokenizer.js";
import type { SpecialTokenSet } from "./special-tokens.js";
import { loadTiktokenTokenizer } from "./tiktoken-tokenizer.js";
import type { Tokenizer } from "./tokenizer.js";

/** Loads a tokenizer.model, SentencePiece or tiktoken, or a tokenizer.json. `set` names the special tokens that tiktoken's file leaves out. */
export async function loadTokenizer(path: string, set: SpecialTokenSet = "3.1"): Promise<Tokenizer> {
  const { kind } = readTokenizerFile(path);
  if (kind === "json") return loadHuggingFaceTokenizer(path);
  return kind === "tiktoken" ? loadTiktokenTokenizer(path, set) : loadSentencePieceTokenizer(path);
}
