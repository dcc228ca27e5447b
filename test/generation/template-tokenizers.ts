/** Two tokenizers for tests of chat templates: one of pieces, one of bytes, each with the special tokens that templates write. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadTokenizer } from "../../src/tokenizer/loading/open-tokenizer.js";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.js";
import { fixture } from "../folders.js";
import { llama2Json, llama3Json } from "../tokenizer/tokenizer-json.js";

export type TemplateTokenizers = Record<"pieces" | "bytes", Tokenizer>;

/** A tokenizer.json with special tokens of templates, and the names of BOS and EOS. */
async function tokenizerOf(
  dir: string,
  name: string,
  json: ReturnType<typeof llama2Json | typeof llama3Json>,
  bos: string,
  eos: string,
) {
  const vocab = Object.values(json.model.vocab as Record<string, number>);
  const next = Math.max(...vocab, ...json.added_tokens.map(({ id }) => id)) + 1;
  const added = ["<|im_start|>", "<|im_end|>", "<|a-b/(c)|>", "<tool_call>"].map((content, i) => ({
    ...json.added_tokens[0]!,
    id: next + i,
    content,
  }));
  const folder = mkdtempSync(join(dir, name));
  writeFileSync(
    join(folder, "tokenizer.json"),
    JSON.stringify({ ...json, added_tokens: [...json.added_tokens, ...added] }),
  );
  writeFileSync(join(folder, "tokenizer_config.json"), JSON.stringify({ bos_token: bos, eos_token: eos }));
  return loadTokenizer(join(folder, "tokenizer.json"));
}

export async function templateTokenizers(): Promise<TemplateTokenizers> {
  const dir = mkdtempSync(join(tmpdir(), "llama-ts-"));
  process.on("exit", () => rmSync(dir, { recursive: true }));
  const llama2 = llama2Json(fixture("llama1mini-fp16-mp1/tokenizer.model"));
  const llama3 = llama3Json(fixture("llama3mini-bf16-mp1/tokenizer.model"));
  return {
    pieces: await tokenizerOf(dir, "pieces", llama2, "<s>", "</s>"),
    bytes: await tokenizerOf(dir, "bytes", llama3, "<|begin_of_text|>", "<|end_of_text|>"),
  };
}
