/** Runs a command that answers JSON lines: input, model, output, progress and exit code. Does not know what a line means. */
import { statSync } from "node:fs";
import { LlamaError } from "../../error.js";
import type { Json } from "../../generation/options/wrong-type.js";
import { type FeedOptions, GenerationStats, type Llama, type Refused } from "../../index.js";
import { chooseModel, noteDemo } from "../model/choose-model.js";
import { type LoadFlags, requestLimits, withModel } from "../model/load.js";
import { type CommandFrame, runCommand, UNLIMITED } from "../model/run-command.js";
import type { LineFlags } from "../options/flags.js";
import { parseShard, type Shard, WHOLE } from "../options/shard.js";
import { EXIT_OK } from "../terminal/exit-code.js";
import { printNote } from "../terminal/notes.js";
import type { Output } from "../terminal/output.js";
import { type Origin, recordOf } from "./json-line.js";
import { KeySet } from "./key-set.js";
import { type LineInput, openInput } from "./line-input.js";
import { LineProgress } from "./line-progress.js";
import { OutputLock } from "./output-lock.js";
import { readRequests } from "./read-requests.js";
import { RecordFile } from "./record-file.js";

/** The options of such a command. */
export type LineRunFlags = LoadFlags & LineFlags;

/** The outcome of a request: the fields of its answer, or an error; neither if it was interrupted. */
export interface Answered {
  tag: Origin;
  fields: object | null;
  error: LlamaError | null;
}

/** What differs between commands. */
export interface LineWork<R> {
  /** Keys that a line may have in addition to id and metadata. */
  keys: readonly string[];
  /** Makes a request of a line. Throws LlamaError if it is invalid. */
  request: (json: Json, origin: Origin) => R;
  answer: (llama: Llama, requests: AsyncIterable<R | Refused<Origin>>, options: FeedOptions) => AsyncIterable<Answered>;
  /** Number of tokens processed, for the rate. */
  tokens: (stats: GenerationStats) => number;
  /** Answers the lines in another way than by a model in this process; returns the number of tokens. */
  elsewhere?: ((run: LineRun) => Promise<number>) | undefined;
}

/** A run over the lines of an input. */
export interface LineRun extends CommandFrame {
  input: LineInput;
  /** The input from its beginning again; null for a pipe. */
  reopen: (() => LineInput) | null;
  answers: Answers;
  progress: LineProgress;
  stats: GenerationStats;
  shard: Shard;
}

const EXIT_SOME_FAILED = 1;

/** Runs the command and returns the exit code. */
export function runLines<R>(path: string | undefined, flags: LineRunFlags, work: LineWork<R>): Promise<number> {
  return runCommand(
    flags,
    async (frame) => {
      const { signal, interrupt } = frame;
      const stats = new GenerationStats();
      const input = openInput(path, signal);
      if (isSameFile(path, flags.output)) throw new LlamaError("usage", "is both input and output", { where: path! });
      const answers = await openAnswers(flags, frame.output);
      const progress = new LineProgress(!flags.quiet, input.bytes);
      let tokens = 0;
      try {
        const shard = flags.shard === undefined ? WHOLE : parseShard(flags.shard, process.env);
        const reopen = input.bytes === null ? null : () => openInput(path, signal);
        const run = { ...frame, input, reopen, answers, progress, stats, shard };
        if (input.bytes !== 0) tokens = await (work.elsewhere?.(run) ?? answerAll(run, flags, work));
      } finally {
        progress.clear();
        await answers.close();
      }
      if (!flags.quiet) printNote(progress.summary(tokens));
      if (interrupt.exitCode !== null && flags.output !== undefined && !flags.quiet) {
        printNote(`Interrupted. Use --resume to continue ${flags.output}.`);
      }
      return progress.failed > 0 ? EXIT_SOME_FAILED : EXIT_OK;
    },
    UNLIMITED,
  );
}

function isSameFile(input: string | undefined, output: string | undefined): boolean {
  if (input === undefined || output === undefined) return false;
  const [one, other] = [input, output].map((path) => statSync(path, { throwIfNoEntry: false }));
  return one?.isFile() === true && one.ino === other?.ino && one.dev === other.dev;
}

export interface Answers {
  /** Keys of requests that are already answered. */
  done: KeySet;
  write: (record: string) => Promise<void>;
  /** Waits until what was written is on the disk. */
  sync: () => Promise<void>;
  close: () => Promise<void>;
}

async function openAnswers(flags: LineFlags, stdout: Output): Promise<Answers> {
  const { output, resume, overwrite = false } = flags;
  if (output === undefined) {
    if (resume) throw new LlamaError("usage", "--resume needs --output");
    const write = (record: string) => stdout.write(`${record}\n`);
    return { write, sync: async () => {}, close: async () => {}, done: new KeySet() };
  }
  const lock = await OutputLock.acquire(output);
  try {
    const opened = resume ? await RecordFile.resume(output) : null;
    const file = opened?.file ?? (await RecordFile.create(output, overwrite));
    const close = () => file.close().finally(() => lock.release());
    return { write: file.append.bind(file), sync: file.sync.bind(file), close, done: opened?.done ?? new KeySet() };
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function answerAll<R>(run: LineRun, flags: LineRunFlags, work: LineWork<R>): Promise<number> {
  const { input, answers, progress, stats, logs, shard, signal, startEngine } = run;
  const model = chooseModel(flags);
  noteDemo(model, flags);
  /** Bytes of input read. */
  let bytes = 0;
  const show = () => progress.show(bytes, work.tokens(stats));
  const lines = {
    ...{ keys: work.keys, request: work.request, shard },
    isDone: (key: string) => {
      if (!answers.done.has(key)) return false;
      progress.skipped++;
      show();
      return true;
    },
    onRead: (read: number) => {
      bytes = read;
    },
  };

  async function* requests(): AsyncGenerator<R | Refused<Origin>> {
    for await (const { origin, request, error } of readRequests(input, lines)) {
      progress.begin(bytes);
      yield error ? { tag: origin, refused: error } : request;
      show();
    }
  }
  const limits = requestLimits(flags);
  await withModel({ model, flags, logs, limits, signal, startEngine }, async (llama) => {
    const options = { signal, stats };
    try {
      for await (const { tag, fields, error } of work.answer(llama, requests(), options)) {
        if (!fields && !error) continue;
        await answers.write(recordOf(tag, fields, error));
        if (error) progress.failed++;
        else progress.answered++;
        show();
      }
    } catch (error) {
      // What an interrupt leaves undone is for --resume.
      if (!signal.aborted) throw error;
    } finally {
      progress.clear();
    }
  });
  return work.tokens(stats);
}
