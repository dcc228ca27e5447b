/** The tokenizer in a GGUF file: ids of the tokenizers it was made from, the pre-tokenizers by name, BOS, stops, the template, and bad metadata. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { EncodeThread } from "../../src/tokenizer/loading/encode-thread.js";
import { loadTokenizer, openTokenizer } from "../../src/tokenizer/loading/open-tokenizer.js";
import { demo, fixture, readJson } from "../folders.js";
import {
  bytePairMetadata,
  ggufTokenizer,
  llama3Metadata,
  type Metadata,
  pieceMetadata,
  rightIds,
  TYPE,
} from "./gguf-tokenizers.js";

const root = mkdtempSync(join(tmpdir(), "llama-ts-test-"));
after(() => rmSync(root, { recursive: true }));

let count = 0;
function file(metadata: Metadata, more: Metadata = {}): string {
  const path = join(root, `${count++}.gguf`);
  writeFileSync(path, ggufTokenizer(metadata, more));
  return path;
}

const pieces = pieceMetadata(join(demo, "tokenizer.model"));
const mini = fixture("llama3mini-bf16-mp1/tokenizer.model");
const tokensOf = (metadata: Metadata) => metadata["ggml.tokens"] as string[];
const TEXTS = [
  "",
  "Once upon a time",
  "  two  spaces ",
  "é中😀",
  "<s>",
  "<0x0A>",
  "one\ntwo\tthree",
  " ",
  "\uFEFFx",
  "▁a",
];

test("a GGUF file encodes and decodes as the SentencePiece model it was made from", async () => {
  const tokenizer = await loadTokenizer(file(pieces));
  assert.equal(tokenizer.kind, "gguf");
  const original = await loadTokenizer(join(demo, "tokenizer.model"));
  for (const key of ["units", "vocabSize", "bosId", "addsBos", "eosId", "padId", "stopIds", "specialTokens"] as const) {
    assert.deepEqual(tokenizer[key], original[key], key);
  }
  for (const text of TEXTS) {
    const ids = original.encode(text, { bos: true });
    assert.deepEqual(tokenizer.encode(text, { bos: true }), ids, JSON.stringify(text));
    assert.equal(tokenizer.decode(ids), original.decode(ids));
  }
  const all = Array.from({ length: original.vocabSize }, (_, id) => id);
  assert.equal(tokenizer.decode(all), original.decode(all));
});

test("a GGUF file encodes and decodes as the tiktoken file it was made from", async () => {
  const tokenizer = await loadTokenizer(file(llama3Metadata(mini)));
  const { encode } = readJson<{ encode: { text: string; ids: number[] }[] }>(fixture("llama3mini-vectors.json"));
  for (const { text, ids } of encode) assert.deepEqual(tokenizer.encode(text), ids, JSON.stringify(text));
  const original = await loadTokenizer(mini);
  assert.deepEqual(tokenizer.encode("a", { bos: true }), original.encode("a", { bos: true }));
  assert.deepEqual(tokenizer.stopIds, original.stopIds);
});

test("the ids of every pre-tokenizer are those of the real library", async () => {
  for (const [pre, rows] of Object.entries(rightIds.ids)) {
    const tokenizer = await loadTokenizer(file(bytePairMetadata(pre)));
    for (const [i, text] of rightIds.strings.entries()) {
      assert.deepEqual(tokenizer.encode(text), rows[i], `${pre}: ${JSON.stringify(text)}`);
      if (pre !== "qwen2") assert.equal(tokenizer.decode(rows[i]!), text);
    }
  }
});

test("control tokens are text in a text, user-defined ones are recognised", async () => {
  const tokenizer = await loadTokenizer(file(bytePairMetadata("smollm")));
  const stop = rightIds.tokens.length;
  assert.equal(tokenizer.decode(tokenizer.encode("a<|im_end|>b")), "a<|im_end|>b");
  assert.ok(!tokenizer.encode("a<|im_end|>b").includes(stop));
  assert.deepEqual(tokenizer.encode("<|im_end|><tool_call>", { special: true }), [stop, stop + 1]);
  assert.deepEqual(tokenizer.encode("<tool_call>"), [stop + 1]);
});

test("BOS is added where the file says so, otherwise by the kind and the pre-tokenizer", async () => {
  const adds = (path: string) => openTokenizer(path).vocabulary.addsBos;
  assert.equal(adds(file(pieces)), true);
  assert.equal(adds(file(pieces, { "ggml.add_bos_token": false })), false);
  assert.equal(adds(file(bytePairMetadata("smollm"))), false);
  assert.equal(adds(file(bytePairMetadata("llama-bpe"))), true);
  assert.equal(adds(file(bytePairMetadata("smollm"), { "ggml.add_bos_token": true })), true);
  assert.equal(adds(file(bytePairMetadata("llama-bpe"), { "ggml.add_bos_token": false })), false);
  const none = file(bytePairMetadata("llama-bpe"), { "ggml.bos_token_id": undefined });
  assert.throws(() => openTokenizer(none), /texts have the BOS token, but the file does not say which/);
});

test("stops are the ids that the file names, and tokens that end a generation by their names", () => {
  const base = bytePairMetadata("smollm");
  const first = tokensOf(base).length;
  const added = ["<|endoftext|>", "</s>", "<end_of_turn>", "<turn>", "<message>", "<|end|>"];
  const types = [TYPE.normal, TYPE.normal, TYPE.control, TYPE.control, TYPE.control, TYPE["user-defined"]];
  const token_type = base["ggml.token_type"] as { value: number[] };
  const more = {
    "ggml.tokens": [...tokensOf(base), ...added],
    "ggml.token_type": { type: "int32", value: [...token_type.value, ...types] },
    "ggml.eot_token_id": first + 3,
    "ggml.eom_token_id": first + 4,
  };
  const { stopIds, eosId } = openTokenizer(file(base, more)).vocabulary;
  // Not </s>, which is an ordinary token here.
  assert.deepEqual(
    [...stopIds].sort((a, b) => a - b),
    [eosId, first, first + 2, first + 3, first + 4, first + 5],
  );
});

test("names of tokens and the chat template come from the metadata", () => {
  const more = { chat_template: "{{ bos_token }}", "ggml.unknown_token_id": 0, "ggml.padding_token_id": 0xffffffff };
  const { tokenNames, chatTemplate, padId } = openTokenizer(file(bytePairMetadata("smollm"), more)).vocabulary;
  assert.deepEqual(tokenNames, { bos: "<|im_end|>", eos: "<|im_end|>", unk: rightIds.tokens[0], pad: null });
  assert.equal(chatTemplate, "{{ bos_token }}");
  assert.equal(padId, -1);
});

test("tokens for rows beyond the vocabulary are not counted", async () => {
  const count = tokensOf(pieces).length;
  const types = (pieces["ggml.token_type"] as { value: number[] }).value;
  const scores = (pieces["ggml.scores"] as { value: number[] }).value;
  const padded = {
    "ggml.tokens": [...tokensOf(pieces), `[PAD${count}]`],
    "ggml.token_type": { type: "int32", value: [...types, TYPE.unused] },
    "ggml.scores": { type: "float32", value: [...scores, -10000] },
  };
  assert.equal(openTokenizer(file(pieces, padded)).vocabulary.vocabSize, count);
  const base = bytePairMetadata("smollm");
  const more = {
    "ggml.tokens": [...tokensOf(base), "[PAD 1]"],
    "ggml.token_type": {
      type: "int32",
      value: [...(base["ggml.token_type"] as { value: number[] }).value, TYPE.unused],
    },
  };
  const tokenizer = await loadTokenizer(file(base, more));
  assert.equal(tokenizer.vocabSize, tokensOf(base).length);
});

test("a SentencePiece vocabulary without a type for its unknown piece, or with scores that say nothing, is read", async () => {
  const original = await loadTokenizer(join(demo, "tokenizer.model"));
  const types = (pieces["ggml.token_type"] as { value: number[] }).value;
  const noTypes = types.map((type) => (type === TYPE.unknown || type === TYPE.control ? TYPE.control : type));
  const more = {
    "ggml.token_type": { type: "int32", value: noTypes },
    "ggml.scores": { type: "float32", value: types.map(() => -1000) },
    "ggml.bos_token_id": undefined,
  };
  const tokenizer = await loadTokenizer(file(pieces, more));
  for (const text of TEXTS)
    assert.deepEqual(tokenizer.encode(text, { bos: true }), original.encode(text, { bos: true }));
});

test("no prefix is added where the file says so", async () => {
  const tokenizer = await loadTokenizer(file(pieces, { "ggml.add_space_prefix": false }));
  const original = await loadTokenizer(join(demo, "tokenizer.model"));
  assert.deepEqual(tokenizer.encode(" time"), original.encode("time"));
  assert.equal(tokenizer.decode(tokenizer.encode(" time")), " time");
});

test("long texts are encoded in the thread, which opens the file by its path", async () => {
  const path = file(bytePairMetadata("smollm"));
  const text = "Hello, world! ".repeat(2000);
  const thread = new EncodeThread(path, "3.1");
  try {
    assert.deepEqual(await thread.encode(text), (await loadTokenizer(path)).encode(text));
  } finally {
    await thread.close();
  }
});

test("merges that are not of two tokens to a third are refused", async () => {
  for (const merges of [["Ġ"], ["a "], ["a b", "a x y"], [" a"]]) {
    const path = file(bytePairMetadata("smollm"), { "ggml.merges": merges });
    const message = /has a merge that is not of two tokens to a third; expected two tokens, found/;
    await assert.rejects(loadTokenizer(path), { name: "LlamaError", kind: "model", message });
  }
});

test("bad metadata is refused in one line that names the key", () => {
  const pairs = bytePairMetadata("smollm");
  const tokens = tokensOf(pairs);
  const cases: [Metadata, Metadata, RegExp][] = [
    [{}, {}, /tokenizer\.ggml\.model: the file has no tokenizer/],
    [pairs, { "ggml.model": "bert" }, /ggml\.model: tokenizers of the kind bert are not supported/],
    [pairs, { "ggml.model": "t5" }, /kind t5/],
    [pairs, { "ggml.model": 3 }, /ggml\.model: is not text; expected text, found 3/],
    [pairs, { "ggml.pre": "mistral-bpe\n" }, /ggml\.pre: the pre-tokenizer "mistral-bpe\\n" is not known/],
    [pairs, { "ggml.pre": undefined }, /ggml\.pre: the file does not name its pre-tokenizer/],
    [pairs, { "ggml.tokens": undefined }, /ggml\.tokens: is missing/],
    [pairs, { "ggml.tokens": [1, 2] }, /ggml\.tokens: is not a list of texts/],
    [pairs, { "ggml.tokens": { type: "text", value: [] } }, /ggml\.tokens: bad number of tokens/],
    [pairs, { "ggml.tokens": [...tokens.slice(0, -1), tokens[0]] }, /ggml\.tokens: token occurs twice/],
    [pairs, { "ggml.token_type": undefined }, /ggml\.token_type: is missing/],
    [pairs, { "ggml.token_type": [1, 1] }, /ggml\.token_type: has a wrong length/],
    [
      pairs,
      { "ggml.token_type": tokens.map(() => 7) },
      /ggml\.token_type: bad type of token 0; expected 1 to 6, found 7/,
    ],
    [pairs, { "ggml.token_type": "normal" }, /ggml\.token_type: is not a list of numbers/],
    [pairs, { "ggml.merges": undefined }, /ggml\.merges: is missing/],
    [
      pairs,
      { "ggml.eos_token_id": tokens.length },
      /ggml\.eos_token_id: is not a token id; expected 0 to 643, found 644/,
    ],
    [pairs, { "ggml.bos_token_id": "1" }, /ggml\.bos_token_id: is not a token id/],
    [pairs, { "ggml.add_bos_token": 1 }, /ggml\.add_bos_token: is not a flag/],
    [pairs, { chat_template: 1 }, /tokenizer\.chat_template: is not text/],
    [pieces, { "ggml.scores": undefined }, /ggml\.scores: is missing/],
    [pieces, { "ggml.scores": { type: "float32", value: [0] } }, /ggml\.scores: has a wrong length/],
    [
      pieces,
      { "ggml.scores": { type: "float32", value: tokensOf(pieces).map(() => Number.NaN) } },
      /ggml\.scores: bad score of token 0/,
    ],
  ];
  for (const [metadata, more, message] of cases) {
    assert.throws(() => openTokenizer(file(metadata, more)), { name: "LlamaError", kind: "model", message });
  }
});
