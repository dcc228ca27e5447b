/** Opens a tokenizer file of any kind: SentencePiece, tiktoken, tokenizer.json, or a GGUF file that contains a tokenizer. */
import { readTokenizerFile } from "../../formats/tokenizer/tokenizer-file.js";
import { openGgufTokenizer } from "../kinds/gguf-tokenizer.js";
import { openHuggingFaceTokenizer } from "../kinds/hugging-face-tokenizer.js";
import { openSentencePieceTokenizer } from "../kinds/sentencepiece-tokenizer.js";
import type { SpecialTokenSet } from "../kinds/special-tokens.js";
import { openTiktokenTokenizer } from "../kinds/tiktoken-tokenizer.js";
import type { Tokenizer, TokenizerSource } from "../tokenizer.js";
import { settingsFor } from "./tokenizer-settings.js";

/** Reads a tokenizer.model (SentencePiece or tiktoken), a tokenizer.json or a GGUF file. `set` names the special tokens, which tiktoken's file does not list. */
export function openTokenizer(path: string, set: SpecialTokenSet = "3.1"): TokenizerSource {
  const file = readTokenizerFile(path);
  if (file.kind === "gguf") return openGgufTokenizer(path);
  if (file.kind === "json") return openHuggingFaceTokenizer(file, settingsFor(path));
  if (file.kind === "tiktoken") return openTiktokenTokenizer(file, set);
  return openSentencePieceTokenizer(file, settingsFor(path));
}

/** Opens and loads a tokenizer. */
export async function loadTokenizer(path: string, set?: SpecialTokenSet): Promise<Tokenizer> {
  return openTokenizer(path, set).load();
}
