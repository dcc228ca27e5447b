/** `score --perplexity`: computes the perplexity of a file and prints one JSON object. */
import { createReadStream } from "node:fs";
import { decodeUtf8 } from "../../../formats/files/utf8.js";
import { encodeLong } from "../../../index.js";
import { chooseModel } from "../../model/choose-model.js";
import { type LoadFlags, requestLimits, withModel } from "../../model/load.js";
import { RankLogs } from "../../model/rank-logs.js";
import { EXIT_OK } from "../../terminal/exit-code.js";
import { Interrupt } from "../../terminal/interrupt.js";
import { Output } from "../../terminal/output.js";
import { StatusLine } from "../../terminal/status-line.js";
import { readAll } from "../generate/prompt.js";

export interface PerplexityFlags extends LoadFlags {
  perplexity?: string | undefined;
  window?: number | undefined;
  stride?: number | undefined;
  concurrency: number;
  kv_memory?: number | undefined;
}

/** Runs the command and returns the exit code. */
export async function perplexity(path: string, flags: PerplexityFlags): Promise<number> {
  const stop = new AbortController();
  const interrupt = new Interrupt(() => stop.abort());
  const logs = new RankLogs(flags);
  const output = new Output(process.stdout, () => stop.abort(), logs);
  const status = new StatusLine(!flags.quiet);
  try {
    const bytes = await readAll(createReadStream(path), path, stop.signal);
    const { isDemo: _, ...model } = chooseModel(flags);
    await withModel({ model, flags, logs, limits: requestLimits(flags), signal: stop.signal }, async (llama) => {
      const ids = encodeLong(llama.tokenizer, decodeUtf8(bytes));
      const { window = llama.maxSeqLen, stride = window >> 1 } = flags;
      const onTokens = (done: number, total: number) => status.show(`Scored ${done} of ${total} tokens`);
      const options = { window, stride, onTokens, signal: stop.signal };
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
  } catch (error) {
    if (!interrupt.explains(error)) throw error;
  } finally {
    interrupt.dispose();
  }
  return interrupt.exitCode ?? EXIT_OK;
}
