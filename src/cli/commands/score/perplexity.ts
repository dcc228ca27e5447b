/** `score --perplexity`: computes the perplexity of a file and prints one JSON object. */
import { createReadStream } from "node:fs";
import { LlamaError } from "../../../error.js";
import { defaultWindow } from "../../../generation/scoring/perplexity.js";
import { encodeLong } from "../../../index.js";
import { chooseModel } from "../../model/choose-model.js";
import { type LoadFlags, requestLimits, withModel } from "../../model/load.js";
import { runCommand } from "../../model/run-command.js";
import { readText } from "../../terminal/read-input.js";
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
  return runCommand(flags, async ({ signal, output, logs, startEngine }) => {
    const status = new StatusLine(!flags.quiet);
    const where = path === "-" ? "stdin" : path;
    const text = await readText(path === "-" ? process.stdin : createReadStream(path), where, signal);
    if (text === "")
      throw new LlamaError("usage", "is empty", { where, fix: "Give a text to compute the perplexity of" });
    const bytes = Buffer.byteLength(text);
    const use = { model: chooseModel(flags), flags, logs, limits: requestLimits(flags), signal, startEngine };
    await withModel(use, async (llama) => {
      const ids = encodeLong(llama.tokenizer, text);
      const { window = defaultWindow(llama), stride = window >> 1 } = flags;
      const onTokens = (done: number, total: number) => status.show(`Scored ${done} of ${total} tokens`);
      const options = { window, stride, onTokens, signal };
      const { logprob, tokens } = await llama.scoreText(ids, options).finally(() => status.clear());
      const nats = -logprob / tokens;
      const result = {
        perplexity: tokens > 0 ? Math.exp(nats) : null,
        nats_per_token: tokens > 0 ? nats : null,
        bits_per_byte: -logprob / Math.LN2 / bytes,
        tokens,
        bytes,
        window,
        stride,
      };
      await output.write(`${JSON.stringify(result)}\n`);
    });
  });
}
