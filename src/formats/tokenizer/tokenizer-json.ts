/** Reads a Hugging Face tokenizer.json and checks it: its vocabulary, merges, added tokens and steps. Does not know how text is encoded. */
import { LlamaError } from "../../error.js";
import { isObject, showValue, showWord } from "../files/json-value.js";
import { quoted } from "../files/quoted.js";
import { decodeText } from "../files/text.js";
import { type AddedToken, addedToken, isId } from "./added-token.js";
import {
  type DecoderStep,
  type NormalizerStep,
  type PostProcessor,
  type PreTokenizerStep,
  readDecoders,
  readNormalizers,
  readPostProcessor,
  readPreTokenizers,
} from "./pipeline-json.js";
import type { TokenizerFile } from "./tokenizer-file.js";

/** What every tokenizer.json has; many of them are null. */
const PARTS = ["model", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder"];

/** A byte-pair model, with names as written: byte-level tokens in their alphabet, others with a mark for each space. */
export interface BytePairModel {
  readonly vocab: ReadonlyMap<string, number>;
  /** As written: there are hundreds of thousands, and only an encoder needs them (`readMerges`). */
  readonly merges: readonly unknown[];
  /** The token for text that no other token represents; null if such text is left out. */
  readonly unknown: string | null;
  /** Whether unknown text in a row is one token. */
  readonly fusesUnknown: boolean;
  /** Whether the bytes of an unknown character have tokens like <0x0A>. */
  readonly byteFallback: boolean;
  /** Whether a word that is a token is not merged from its parts. */
  readonly ignoresMerges: boolean;
}

export interface TokenizerJson {
  readonly model: BytePairModel;
  readonly added: readonly AddedToken[];
  readonly normalizers: readonly NormalizerStep[];
  readonly preTokenizers: readonly PreTokenizerStep[];
  readonly decoders: readonly DecoderStep[];
  /** null if the file does not say what is put around a text. */
  readonly postProcessor: PostProcessor | null;
}

/** The root object of a file. Throws a LlamaError if it is not JSON. */
export function parseTokenizerJson({ path, kind, bytes }: TokenizerFile): Record<string, unknown> {
  const text = decodeText(bytes, path, "model");
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch (cause) {
    throw new LlamaError("model", "is not valid JSON", { where: path, found: quoted((cause as Error).message), cause });
  }
  if (kind !== "json" || !isObject(root)) throw unsupported(path, "an object", "another value");
  const missing = PARTS.find((part) => !(part in root));
  if (missing !== undefined) throw unsupported(path, PARTS.join(", "), `no ${missing}`);
  return root;
}

/** Checks the root object of a tokenizer.json. Throws a LlamaError that names what llama-ts does not support. */
export function readTokenizerJson(path: string, root: Readonly<Record<string, unknown>>): TokenizerJson {
  const model = readModel(path, isObject(root.model) ? root.model : {});
  const byId = new Map<number, string>();
  for (const [token, id] of model.vocab) {
    if (byId.has(id)) throw unsupported(path, "a token for each id", `two for ${id}`);
    byId.set(id, token);
  }
  const added = (Array.isArray(root.added_tokens) ? root.added_tokens : []).map((entry): AddedToken => {
    const { id, content } = isObject(entry) ? entry : {};
    if (!isId(id) || typeof content !== "string") throw unsupported(path, "an added token", showValue(entry));
    const known = byId.get(id);
    // A special token may also be part of the vocabulary.
    if (known !== undefined && known !== content) throw unsupported(path, "a token for each id", `two for ${id}`);
    byId.set(id, content);
    return addedToken(id, content, entry as Record<string, unknown>);
  });
  if (byId.size === 0) throw unsupported(path, "a token for each id", "no tokens");
  return {
    model,
    added,
    normalizers: readNormalizers(path, root.normalizer),
    preTokenizers: readPreTokenizers(path, root.pre_tokenizer),
    decoders: readDecoders(path, root.decoder),
    postProcessor: readPostProcessor(path, root.post_processor),
  };
}

function readModel(path: string, model: Readonly<Record<string, unknown>>): BytePairModel {
  if (model.type !== undefined && model.type !== "BPE") throw unsupported(path, "a BPE model", showWord(model.type));
  if (!isObject(model.vocab) || !Array.isArray(model.merges))
    throw unsupported(path, "a vocabulary and merges", "a model without them");
  for (const key of ["continuing_subword_prefix", "end_of_word_suffix"]) {
    // Empty text is the same as none.
    if (model[key]) throw unsupported(path, `a model without ${key}`, showValue(model[key]));
  }
  if (model.dropout) throw unsupported(path, "a model without dropout", showValue(model.dropout));
  const vocab = new Map<string, number>();
  for (const [token, id] of Object.entries(model.vocab)) {
    if (!isId(id)) throw unsupported(path, "a token for each id", `the id ${showWord(id)}`);
    vocab.set(token, id);
  }
  return {
    ...{ vocab, merges: model.merges },
    unknown: typeof model.unk_token === "string" ? model.unk_token : null,
    fusesUnknown: model.fuse_unk === true,
    byteFallback: model.byte_fallback === true,
    ignoresMerges: model.ignore_merges === true,
  };
}

function unsupported(path: string, expected: string, found: string): LlamaError {
  return new LlamaError("model", "is JSON, but not a tokenizer.json that llama-ts can use", {
    where: path,
    expected,
    found,
    fix: "Use the tokenizer.model of the model's release",
  });
}
