/** Reads a Hugging Face tokenizer.json and checks what llama-ts needs of it: its tokens and its decoder. Does not know how text is encoded. */
import { LlamaError } from "../../error.js";
import { isObject, showWord } from "../files/json-value.js";
import { quoted } from "../files/quoted.js";
import type { TokenizerFile } from "./tokenizer-file.js";

const MAX_TOKENS = 1_000_000;

export interface TokenizerJson {
  /** The file's content, for the tokenizer library. */
  root: Record<string, unknown>;
  /** By id, as written: byte-level tokens in their alphabet, others with a mark for each space. */
  tokens: string[];
  /** Tokens that are not part of the model's vocabulary, by name. */
  added: Map<string, number>;
  /** Token for text that no other token represents; null if the model has no such token. */
  unknown: string | null;
  /** "bytes": a character for each byte (Llama 3). "pieces": space marks and byte tokens, as in SentencePiece. */
  decoding: "bytes" | "pieces";
  /** Whether decoding removes a space from the start of a text. */
  stripsSpace: boolean;
}

/** Reads and checks a file; accepts only byte-pair models with one of the two kinds of decoders. */
export function readTokenizerJson({ path, kind, bytes }: TokenizerFile): TokenizerJson {
  let root: unknown;
  try {
    root = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
  } catch (cause) {
    throw new LlamaError("model", "is not valid JSON", { where: path, found: quoted((cause as Error).message), cause });
  }
  if (kind !== "json" || !isObject(root)) throw unsupported(path, "an object", "another value");
  const model = isObject(root.model) ? root.model : {};
  if (model.type !== undefined && model.type !== "BPE") throw unsupported(path, "a BPE model", showWord(model.type));
  if (!isObject(model.vocab) || !Array.isArray(model.merges))
    throw unsupported(path, "a vocabulary and merges", "none");
  const tokens: string[] = [];
  const put = (id: unknown, token: unknown) => {
    const isId = Number.isInteger(id) && (id as number) >= 0 && (id as number) < MAX_TOKENS;
    if (!isId || typeof token !== "string") throw unsupported(path, "a token for each id", `the id ${showWord(id)}`);
    const known = tokens[id as number];
    // A special token may also be part of the vocabulary.
    if (known !== undefined && known !== token) throw unsupported(path, "a token for each id", `two for ${id}`);
    tokens[id as number] = token;
  };
  for (const [token, id] of Object.entries(model.vocab)) put(id, token);
  const added = new Map<string, number>();
  for (const entry of Array.isArray(root.added_tokens) ? root.added_tokens : []) {
    const { id, content } = isObject(entry) ? entry : {};
    put(id, content);
    added.set(content as string, id as number);
  }
  if (tokens.length === 0) throw unsupported(path, "a token for each id", "no tokens");
  for (let id = 0; id < tokens.length; id++) {
    if (tokens[id] === undefined) throw unsupported(path, "a token for each id", `none for ${id}`);
  }
  const unknown = typeof model.unk_token === "string" ? model.unk_token : null;
  return { root, tokens, added, unknown, ...decoderOf(path, root.decoder) };
}

/** Recognises the two decoders of LLaMA's tokenizers: byte level, and SentencePiece's as a sequence of steps. */
function decoderOf(path: string, decoder: unknown): Pick<TokenizerJson, "decoding" | "stripsSpace"> {
  if (isObject(decoder) && decoder.type === "ByteLevel") return { decoding: "bytes", stripsSpace: false };
  const steps: unknown[] = isObject(decoder) && Array.isArray(decoder.decoders) ? decoder.decoders : [];
  const types = steps.map((step) => (isObject(step) ? String(step.type) : "")).join(" ");
  if (types === "Replace ByteFallback Fuse" || types === "Replace ByteFallback Fuse Strip") {
    return { decoding: "pieces", stripsSpace: steps.length === 4 };
  }
  throw unsupported(path, "the decoder of a LLaMA tokenizer", isObject(decoder) ? showWord(decoder.type) : "none");
}

function unsupported(path: string, expected: string, found: string): LlamaError {
  return new LlamaError("model", "is JSON, but not a tokenizer.json that llama-ts can use", {
    where: path,
    expected,
    found,
    fix: "Use the tokenizer.model of the model's release",
  });
}
