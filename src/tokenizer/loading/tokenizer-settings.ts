/** Reads the settings of a tokenizer: finds the folder of the files that belong to it. Does not know their keys. */
import { dirname } from "node:path";
import { readTokenizerSettings, type TokenizerSettings } from "../../formats/tokenizer/tokenizer-settings.js";

export type { AddedToken, TokenizerSettings } from "../../formats/tokenizer/tokenizer-settings.js";

/** The settings for a tokenizer's file. Throws a LlamaError for a bad file beside it. */
export function settingsFor(tokenizerPath: string): TokenizerSettings {
  return readTokenizerSettings(dirname(tokenizerPath));
}
