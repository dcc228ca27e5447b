/** Compares generate() and textCompletion() with the output of Meta's own generation.py on the same weights. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Llama, LlamaError } from "../../src/index.js";
import { readJson, shared, withoutShared } from "../folders.js";
import { maxDifference } from "../max-difference.js";

interface CaseV2 {
  model: string;
  prompts: string[];
  max_seq_len: number;
  max_gen_len: number | null;
  temperature: number;
  logprobs?: boolean;
  echo?: boolean;
  prompt_ids: number[][];
  out_ids?: number[][];
  out_logprobs?: number[][];
  text_completion?: { generation: string; tokens?: string[]; logprobs?: number[] }[];
  assertion?: string;
}

interface CaseV1 {
  model: string;
  prompts: string[];
  max_seq_len: number;
  max_gen_len: number;
  out_text: string[];
}

function cases<T>(file: string): T[] {
  return withoutShared ? [] : readJson<{ cases: T[] }>(shared(`golden/${file}`)).cases;
}

test("the shared golden data is available", { skip: withoutShared }, () => undefined);

for (const [i, golden] of cases<CaseV2>("generate_v2.json").entries()) {
  test(`Llama 2's generation.py, case ${i}`, async () => {
    const llama = await Llama.build({ ckptDir: shared(`ckpt/${golden.model}`), maxSeqLen: golden.max_seq_len });
    try {
      const { temperature, logprobs = false, echo = false } = golden;
      const options = { temperature, maxGenLen: golden.max_gen_len, logprobs, echo };
      const ids = golden.prompts.map((prompt) => llama.tokenizer.encode(prompt, { bos: true, eos: false }));
      assert.deepEqual(ids, golden.prompt_ids);
      if (golden.assertion !== undefined) {
        await assert.rejects(llama.generate(ids, options), LlamaError);
        return;
      }
      const result = await llama.generate(ids, options);
      assert.deepEqual(result.tokens, golden.out_ids);
      assert.equal(result.logprobs === null, !logprobs);
      golden.out_logprobs?.forEach((expected, row) => {
        assert.ok(maxDifference(result.logprobs![row]!, expected) < 1e-3, `logprobs of row ${row}`);
      });
      const completions = await llama.textCompletion(golden.prompts, options);
      golden.text_completion?.forEach((expected, row) => {
        assert.equal(completions[row]!.generation, expected.generation);
        assert.deepEqual(completions[row]!.tokens, expected.tokens);
      });
    } finally {
      await llama.close();
    }
  });
}

for (const [i, golden] of cases<CaseV1>("generate_v1.json").entries()) {
  test(`Llama 1's generation.py, case ${i}`, async () => {
    const llama = await Llama.build({ ckptDir: shared(`ckpt/${golden.model}`), maxSeqLen: golden.max_seq_len });
    try {
      const options = { temperature: 0, maxGenLen: golden.max_gen_len, echo: true };
      const completions = await llama.textCompletion(golden.prompts, options);
      assert.deepEqual(
        completions.map(({ generation }) => generation),
        golden.out_text,
      );
    } finally {
      await llama.close();
    }
  });
}
