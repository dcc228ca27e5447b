/** The tokenizer of a tokenizer.json: Hugging Face's library encodes, our streaming detokeniser decodes. Does not know prompt formats. */
import { LlamaError } from "../../error.js";
import type { TokenizerFile } from "../../formats/tokenizer/tokenizer-file.js";
import { readTokenizerJson, type TokenizerJson } from "../../formats/tokenizer/tokenizer-json.js";
import type { TokenizerSettings } from "../../formats/tokenizer/tokenizer-settings.js";
import { createByteDetokenizer } from "../decoding/byte-detokenizer.js";
import type { Detokenizer } from "../decoding/detokenizer.js";
import { createPieceDetokenizer, decodeTable } from "../decoding/piece-detokenizer.js";
import { encodable } from "../encoding/encodable-text.js";
import { createTokenizer, type TokenizerSource } from "../tokenizer.js";
import { STOP_TOKENS } from "./special-tokens.js";

const BOS_NAMES = ["<|begin_of_text|>", "<s>"];
const EOS_NAMES = ["<|end_of_text|>", "</s>"];
const PAD_NAMES = ["<|finetune_right_pad_id|>"];
const BYTE_TOKEN = /^<0x([0-9A-F]{2})>$/;

/** Reads a tokenizer.json; the settings name special tokens other than LLaMA's. */
export function openHuggingFaceTokenizer(file: TokenizerFile, named: TokenizerSettings = {}): TokenizerSource {
  const { path } = file;
  const json = readTokenizerJson(file);
  const idOf = (names: readonly (string | null | undefined)[]) =>
    names.map((name) => (typeof name !== "string" ? undefined : json.added.get(name))).find((id) => id !== undefined);
  const bosId = idOf([...BOS_NAMES, named.bos]);
  const eosId = idOf([...EOS_NAMES, named.eos]);
  if (bosId === undefined || eosId === undefined) {
    const expected = `${[...BOS_NAMES, ...EOS_NAMES].join(", ")}, or names in tokenizer_config.json`;
    throw new LlamaError("model", "has no tokens for the beginning and end of a text", { where: path, expected });
  }
  const stops = [eosId, ...[...STOP_TOKENS, named.eos].map((name) => idOf([name]))];
  const vocabulary = {
    kind: "tokenizer.json",
    units: json.decoding,
    vocabSize: json.tokens.length,
    // Normalizers may shorten a text.
    maxTokenBytes: Number.POSITIVE_INFINITY,
    ...{ bosId, addsBos: true, eosId },
    tokenNames: {
      ...{ bos: json.tokens[bosId] ?? null, eos: json.tokens[eosId] ?? null },
      ...{ unk: named.unk ?? json.unknown, pad: named.pad ?? null },
    },
    chatTemplate: named.chatTemplate ?? null,
    padId: idOf(PAD_NAMES) ?? -1,
    stopIds: new Set(stops.filter((id) => id !== undefined)),
    specialTokens: json.added,
  } as const;
  return {
    vocabulary,
    load: async () => createTokenizer(vocabulary, await loadEncoder(path, json), decoderOf(path, json)),
  };
}

async function loadEncoder(path: string, { root }: TokenizerJson): Promise<(text: string) => number[]> {
  const { Tokenizer: Library } = await import("@huggingface/tokenizers");
  const unusable = (cause: unknown) =>
    new LlamaError("model", "cannot be used by the tokenizer library", { where: path, found: String(cause), cause });
  let library: InstanceType<typeof Library>;
  try {
    // Special tokens must never be recognised in a text: without added tokens, the library does not know any.
    library = new Library({ ...root, added_tokens: [], post_processor: null }, {});
    library.encode("a", { add_special_tokens: false });
  } catch (cause) {
    throw unusable(cause);
  }
  return (text) => {
    if (text === "") return [];
    return [...library.encode(encodable(text), { add_special_tokens: false }).ids];
  };
}

function decoderOf(path: string, { tokens, added, unknown, decoding, stripsSpace }: TokenizerJson): () => Detokenizer {
  const special = new Set(added.values());
  if (decoding === "bytes") {
    const alphabet = byteAlphabet();
    const table = tokens.map((token, id) => {
      if (special.has(id)) return Buffer.from(token).toString("latin1");
      const bytes = [...token].map((character) => alphabet.get(character));
      if (!bytes.includes(undefined)) return bytes.join("");
      throw new LlamaError("model", `token ${id} is not byte-level`, { where: path });
    });
    return () => createByteDetokenizer(table);
  }
  const pieces = tokens.map((piece, id) => {
    const type =
      piece === unknown ? "unknown" : special.has(id) ? "control" : BYTE_TOKEN.test(piece) ? "byte" : "normal";
    return { piece, score: 0, type } as const;
  });
  const rules = { unkSurface: " \u2047 ", addDummyPrefix: stripsSpace, removeExtraWhitespaces: false };
  const table = decodeTable({ pieces, ...rules });
  return () => createPieceDetokenizer(table, false);
}

/** Maps characters to the bytes they represent: a byte printable in latin1 is its own character, others are U+0100 and up (GPT-2's bytes_to_unicode). */
function byteAlphabet(): Map<string, string> {
  const alphabet = new Map<string, string>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const isPrintable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    alphabet.set(String.fromCharCode(isPrintable ? byte : next++), String.fromCharCode(byte));
  }
  return alphabet;
}
