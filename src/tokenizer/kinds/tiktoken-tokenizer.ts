/** The tokenizer of Llama 3 and later: tiktoken's ranks and Meta's special tokens. Does not know prompt formats. */
import { addedToken } from "../../formats/tokenizer/added-token.js";
import { readTiktokenModel } from "../../formats/tokenizer/tiktoken-model.js";
import type { TokenizerFile } from "../../formats/tokenizer/tokenizer-file.js";
import type { TokenizerSettings } from "../../formats/tokenizer/tokenizer-settings.js";
import { createByteDetokenizer } from "../decoding/byte-detokenizer.js";
import { BytePairEncoder } from "../encoding/byte-pairs.js";
import { splitText } from "../encoding/split-text.js";
import { AddedTokens } from "../pipeline/added-tokens.js";
import { createTokenizer, type TokenizerSource } from "../tokenizer.js";
import { type SpecialTokenSet, STOP_TOKENS, specialTokenNames } from "./special-tokens.js";

const ASCII = /^\p{ASCII}*$/u;

/** Reads a tokenizer.model of Llama 3; the special tokens are not in the file. Of the settings, stops and the chat template count. */
export function openTiktokenTokenizer(
  file: TokenizerFile,
  set: SpecialTokenSet = "3.1",
  settings: TokenizerSettings = {},
): TokenizerSource {
  const { tokens } = readTiktokenModel(file);
  const names = specialTokenNames(set);
  const specialTokens = new Map(names.map((name, place) => [name, tokens.length + place]));
  const idsOf = (wanted: readonly string[]) => wanted.flatMap((name) => specialTokens.get(name) ?? []);
  const [bosId, eosId] = idsOf(["<|begin_of_text|>", "<|end_of_text|>"]) as [number, number];
  // Special tokens decode to their names, as in tiktoken.
  const table = [...tokens, ...names];
  const vocabulary = {
    kind: "tiktoken",
    units: "bytes",
    vocabSize: table.length,
    maxTokenBytes: tokens.reduce((most, { length }) => Math.max(most, length), 1),
    ...{ bosId, addsBos: true, eosId, specialTokens },
    tokenNames: { bos: "<|begin_of_text|>", eos: "<|end_of_text|>", unk: null, pad: null },
    ...{ chatTemplate: settings.chatTemplate ?? null, toolTemplate: settings.toolTemplate ?? null },
    padId: specialTokens.get("<|finetune_right_pad_id|>") ?? -1,
    stopIds: new Set([...idsOf(STOP_TOKENS), ...(settings.stopIds ?? [])]),
  } as const;
  const inText = new AddedTokens(Array.from(specialTokens, ([name, id]) => addedToken(id, name, { special: true })));
  const encodeWith = (encoder: BytePairEncoder) => (text: string, special: boolean) => {
    const ids: number[] = [];
    // A lone surrogate has no UTF-8 form; tiktoken encodes it as U+FFFD.
    const whole = text.replace(/\p{Surrogate}/gu, "\uFFFD");
    for (const section of special ? inText.split(whole, true) : [{ text: whole }]) {
      if (typeof section === "number") ids.push(section);
      else
        for (const piece of splitText(section.text)) {
          encoder.encode(ASCII.test(piece) ? piece : Buffer.from(piece).toString("latin1"), ids);
        }
    }
    return ids;
  };
  return {
    vocabulary,
    load: async () =>
      createTokenizer(vocabulary, encodeWith(new BytePairEncoder(tokens)), () => createByteDetokenizer(table)),
  };
}
