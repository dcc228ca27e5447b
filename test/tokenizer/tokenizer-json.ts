/** Converts tokenizers to tokenizer.json, as transformers' convert_slow_tokenizer.py does. */
import { readSentencePieceModel } from "../../src/formats/tokenizer/sentencepiece-model.js";
import { readTiktokenModel } from "../../src/formats/tokenizer/tiktoken-model.js";
import { readTokenizerFile } from "../../src/formats/tokenizer/tokenizer-file.js";
import { specialTokenNames } from "../../src/tokenizer/kinds/special-tokens.js";

const LLAMA3_PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** All ways to make a token from two others, in the order of `rank`. */
function mergesOf(tokens: readonly string[], ids: ReadonlyMap<string, number>, rank: (id: number) => number): string[] {
  const merges: { parts: [string, string]; rank: number }[] = [];
  for (const token of tokens) {
    const characters = [...token];
    const ways: [string, string][] = [];
    for (let i = 1; i < characters.length; i++) {
      const [left, right] = [characters.slice(0, i).join(""), characters.slice(i).join("")];
      if (ids.has(left) && ids.has(right)) ways.push([left, right]);
    }
    ways.sort((a, b) => ids.get(a[0])! - ids.get(b[0])! || ids.get(a[1])! - ids.get(b[1])!);
    for (const parts of ways) merges.push({ parts, rank: rank(ids.get(token)!) });
  }
  return merges.sort((a, b) => a.rank - b.rank).map(({ parts }) => parts.join(" "));
}

const special = (id: number, content: string) => ({
  ...{ id, content, special: true, normalized: false },
  ...{ single_word: false, lstrip: false, rstrip: false },
});

const bpe = (vocab: ReadonlyMap<string, number>, merges: string[], more: object) => ({
  ...{ type: "BPE", dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null },
  ...{ fuse_unk: false, byte_fallback: false, ...more, vocab: Object.fromEntries(vocab), merges },
});

/** A post-processor that puts a token before each text. */
export const beginsWith = (name: string, id: number) => ({
  type: "TemplateProcessing",
  single: [{ SpecialToken: { id: name, type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
  pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
  special_tokens: { [name]: { id: name, ids: [id], tokens: [name] } },
});

/** The tokenizer.json of Llama 3, made from its tiktoken file. */
export function llama3Json(file: string) {
  const characters: string[] = [];
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const isPrintable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    characters.push(String.fromCharCode(isPrintable ? byte : next++));
  }
  const tokens = readTiktokenModel(readTokenizerFile(file)).tokens.map((token) =>
    Array.from(token, (byte) => characters[byte.charCodeAt(0)]).join(""),
  );
  const ids = new Map(tokens.map((token, id) => [token, id]));
  return {
    added_tokens: specialTokenNames("3.1").map((name, i) => special(tokens.length + i, name)),
    normalizer: null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: LLAMA3_PATTERN }, behavior: "Isolated", invert: false },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: {
      type: "Sequence",
      processors: [
        { type: "ByteLevel", add_prefix_space: true, trim_offsets: false, use_regex: true },
        beginsWith("<|begin_of_text|>", tokens.length),
      ],
    },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: bpe(
      ids,
      mergesOf(tokens, ids, (id) => id),
      { ignore_merges: true },
    ),
  };
}

/** The tokenizer.json of Llama 2, made from its SentencePiece file. */
export function llama2Json(file: string) {
  const { pieces } = readSentencePieceModel(readTokenizerFile(file));
  const ids = new Map(pieces.map(({ piece }, id) => [piece, id]));
  const normal = pieces.filter(({ type }) => type === "normal").map(({ piece }) => piece);
  return {
    added_tokens: [special(0, "<unk>"), special(1, "<s>"), special(2, "</s>")],
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "Prepend", prepend: "▁" },
        { type: "Replace", pattern: { String: " " }, content: "▁" },
      ],
    },
    pre_tokenizer: null,
    post_processor: beginsWith("<s>", 1),
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
    model: bpe(
      ids,
      mergesOf(normal, ids, (id) => -pieces[id]!.score),
      { unk_token: "<unk>", fuse_unk: true, byte_fallback: true },
    ),
  };
}
