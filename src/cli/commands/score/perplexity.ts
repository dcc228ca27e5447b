/** `score --perplexity`: computes the perplexity of a file and prints one JSON object. */
import { createReadStream } from "node:fs";
import { decodeUtf8 } from "../../../formats/files/utf8.js";
import { encodeLong } from "../../../index.js";
import { chooseModel } from "../../model/choose-model.js";
import { type LoadFlags, requestLimits, withModel } from "../../model/load.js";
import { runCommand } from "../../model/run-command.js";
import { readAll } from "../../terminal/read-input.js";
import { StatusLine } from "../../terminal/status-line.js";

export interface PerplexityFlags extends LoadFlags {
  perplexity?: string | undefined;
  window?: number | undefined;
  stride?: number | undefined;
  concurrency: number;
  kv_memory?: number | undefined;
}

/** Runs the command and returns the exit code. */
export function perplexity(path: string, flags: PerplexityFlags): Promise<number> {
  return runCommand(flags, async ({ signal, output, logs }) => {
    const status = new StatusLine(!flags.quiet);
    const bytes = await readAll(createReadStream(path), path, signal);
    const use = { model: chooseModel(flags), flags, logs, limits: requestLimits(flags), signal };
    await withModel(use, async (llama) => {
      const ids = encodeLong(llama.tokenizer, decodeUtf8(bytes));
      const { window = llama.maxSeqLen, stride = window >> 1 } = flags;
      const onTokens = (done: number, total: number) => status.show(`Scored ${done} of ${total} tokens`);
      const options = { window, stride, onTokens, signal };
      const { logprob, tokens } = await llama.scoreText(ids, options).finally(() => status.clear());
      const nats = -logprob / tokens;
      const result = {
        perplexity: tokens > 0 ? Math.exp(nats) : null,
        nats_per_token: tokens > 0 ? nats : null,
        bits_per_byte: bytes.length > 0 ? -logprob / Math.LN2 / bytes.length : null,
        tokens,
        bytes: bytes.length,
        window,
        stride,
      };
      await output.write(`${JSON.stringify(result)}\n`);
    });
  });
}
