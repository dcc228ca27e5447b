/** The command `batch`: requests in, answers out as they come. Knows the order of things; each thing is a file of its own. */
import { freemem } from "node:os";
import { LlamaError } from "../../error.js";
import { type BatchRequest, GenerationStats } from "../../index.js";
import { chooseModel } from "../demo.js";
import { EXIT_OK } from "../exit-code.js";
import type { SamplingFlags } from "../flags.js";
import { Interrupt } from "../interrupt.js";
import { type LoadFlags, loadModel } from "../load.js";
import { printNote } from "../notes.js";
import { samplingSettings } from "../option-groups.js";
import { Output } from "../output.js";
import { type BatchInput, openInput } from "./batch-input.js";
import { BatchProgress } from "./batch-progress.js";
import { KeySet } from "./key-set.js";
import { recordOf } from "./record.js";
import { keyOf, RecordFile } from "./record-file.js";
import { type Origin, parseLine } from "./request.js";
import { isInShard, parseShard, WHOLE } from "./shard.js";

/** The options of `batch`, by their names on the command line. */
export interface BatchFlags extends LoadFlags, SamplingFlags {
  output?: string | undefined;
  resume?: true | undefined;
  overwrite?: true | undefined;
  shard?: string | undefined;
  logprobs?: number | true | undefined;
  echo?: true | undefined;
  concurrency: number;
  kv_memory?: number | undefined;
}

const EXIT_SOME_FAILED = 1;

interface Run {
  input: BatchInput;
  /** Keys of requests that have their answer. */
  done: KeySet;
  write: (record: object) => Promise<void>;
  progress: BatchProgress;
  stats: GenerationStats;
  signal: AbortSignal;
}

/** Runs the command and returns the exit code. */
export async function batch(path: string | undefined, flags: BatchFlags): Promise<number> {
  const stop = new AbortController();
  const interrupt = new Interrupt(() => stop.abort());
  try {
    const input = openInput(path, stop.signal);
    const { write, close, done } = await openAnswers(flags, stop);
    const progress = new BatchProgress(!flags.quiet, input.bytes);
    const run: Run = { input, done, write, progress, stats: new GenerationStats(), signal: stop.signal };
    try {
      await answerAll(run, flags);
    } finally {
      progress.clear();
      await close();
    }
    if (!flags.quiet) printNote(progress.summary(run.stats.generatedTokens));
    if (interrupt.exitCode !== null && flags.output !== undefined && !flags.quiet) {
      printNote(`Interrupted: --resume goes on with ${flags.output}.`);
    }
    return interrupt.exitCode ?? (progress.failed > 0 ? EXIT_SOME_FAILED : EXIT_OK);
  } catch (error) {
    if (interrupt.exitCode !== null && (error as Error).name === "AbortError") return interrupt.exitCode;
    throw error;
  } finally {
    interrupt.dispose();
  }
}

async function openAnswers(flags: BatchFlags, stop: AbortController) {
  const { output, resume, overwrite = false } = flags;
  if (output === undefined) {
    if (resume) throw new LlamaError("usage", "--resume needs --output");
    const stdout = new Output(process.stdout, () => stop.abort());
    const write = (record: object) => stdout.write(`${JSON.stringify(record)}\n`);
    return { write, close: async () => {}, done: new KeySet() };
  }
  const opened = resume ? await RecordFile.resume(output) : null;
  const file = opened?.file ?? (await RecordFile.create(output, overwrite));
  return { write: file.append.bind(file), close: () => file.close(), done: opened?.done ?? new KeySet() };
}

async function answerAll(run: Run, flags: BatchFlags): Promise<void> {
  const { signal, stats, progress, write } = run;
  const shard = flags.shard === undefined ? WHOLE : parseShard(flags.shard, process.env);
  const { isDemo, ...model } = chooseModel(flags);
  if (isDemo && !flags.quiet) printNote("No --ckpt_dir: running the bundled demo model, which tells small stories.");
  const llama = await loadModel(model, flags, signal);
  /** Bytes of input that were read. */
  let bytes = 0;
  const seen = new KeySet();
  const seed = flags.seed ?? Math.floor(Math.random() * 2 ** 32);
  const { logprobs, echo = false } = flags;
  const scores = { logprobs: logprobs !== undefined, topLogprobs: typeof logprobs === "number" ? logprobs : 0, echo };
  const defaults = { ...samplingSettings(flags), ...scores, seed };

  async function* requests(): AsyncGenerator<BatchRequest<Origin>> {
    for await (const line of run.input.lines) {
      bytes = line.end;
      if (!isInShard(line.number, shard)) continue;
      const { origin, request, error } = parseLine(line, defaults);
      const key = keyOf(origin);
      const isNew = seen.add(key);
      if (isNew && !error && run.done.has(key)) progress.skipped++;
      else {
        progress.begin(bytes);
        const refused = error ?? (isNew ? null : new LlamaError("usage", "id has stood on an earlier line"));
        yield refused ? { tag: origin, refused } : request!;
      }
      progress.show(bytes, stats.generatedTokens);
    }
  }
  try {
    const options = { concurrency: flags.concurrency, kvMemory: flags.kv_memory ?? freemem() / 2, signal, stats };
    const { prompt_lookup_num_tokens: promptLookupNumTokens } = flags;
    for await (const answer of llama.batch(requests(), { ...options, promptLookupNumTokens })) {
      if (answer.completion?.finishReason === "abort") continue;
      await write(recordOf(answer));
      if (answer.error) progress.failed++;
      else progress.answered++;
      progress.show(bytes, stats.generatedTokens);
    }
  } finally {
    progress.clear();
    await llama.close();
  }
}
