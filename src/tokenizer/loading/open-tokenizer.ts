/** Opens a tokenizer file of any kind: SentencePiece, tiktoken, tokenizer.json, or a GGUF file that contains a tokenizer. */
import { readTokenizerFile } from "../../formats/tokenizer/tokenizer-file.js";
import { openGgufTokenizer } from "../kinds/gguf-tokenizer.js";
import { openHuggingFaceTokenizer } from "../kinds/hugging-face-tokenizer.js";
import { openSentencePieceTokenizer } from "../kinds/sentencepiece-tokenizer.js";
import type { SpecialTokenSet } from "../kinds/special-tokens.js";
import { openTiktokenTokenizer } from "../kinds/tiktoken-tokenizer.js";
import type { Tokenizer, TokenizerSource } from "../tokenizer.js";
import { settingsFor, type TokenizerSettings } from "./tokenizer-settings.js";

/** Reads a tokenizer.model (SentencePiece or tiktoken), a tokenizer.json or a GGUF file. `set` names the special tokens, which tiktoken's file does not list; `beside` is what the files beside it say. */
export function openTokenizer(path: string, set: SpecialTokenSet = "3.1", beside?: TokenizerSettings): TokenizerSource {
  const file = readTokenizerFile(path);
  if (file.kind === "gguf") return openGgufTokenizer(path);
  const settings = beside ?? settingsFor(path);
  // transformers does not read add_bos_token beside a tokenizer.json: its post-processor says what is added.
  if (file.kind === "json") return openHuggingFaceTokenizer(file, { ...settings, addBos: undefined });
  if (file.kind === "tiktoken") return openTiktokenTokenizer(file, set, settings);
  return openSentencePieceTokenizer(file, settings);
}

/** Opens and loads a tokenizer. */
export async function loadTokenizer(
  path: string,
  set?: SpecialTokenSet,
  settings?: TokenizerSettings,
): Promise<Tokenizer> {
  return openTokenizer(path, set, settings).load();
}
