/** Reads the settings of a tokenizer: finds the folders of the files that belong to it. Does not know their keys. */
import { basename, dirname, resolve } from "node:path";
import {
  type ModelFacts,
  readTokenizerSettings,
  type TokenizerSettings,
} from "../../formats/tokenizer/tokenizer-settings.js";

export type { AddedToken } from "../../formats/tokenizer/added-token.js";
export type { TokenizerSettings } from "../../formats/tokenizer/tokenizer-settings.js";

/** The settings for a tokenizer's file; `model`: the folder of the model, and what its config.json says. Throws a LlamaError for a bad file. */
export function settingsFor(tokenizerPath: string, model?: { folder: string; facts: ModelFacts }): TokenizerSettings {
  const folder = dirname(resolve(tokenizerPath));
  // Hugging Face's folders of Llama 3 have Meta's files in `original`.
  const settingsFolder = basename(folder) === "original" ? dirname(folder) : folder;
  return readTokenizerSettings(settingsFolder, model?.folder ?? settingsFolder, model?.facts);
}
