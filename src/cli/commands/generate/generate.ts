/** The command `generate`: reads a prompt and streams its completion to stdout or a file. */
import { LlamaError } from "../../../error.js";
import { AtomicFile } from "../../../formats/files/atomic-file.js";
import type { Completion, Llama } from "../../../index.js";
import { chooseModel } from "../../model/choose-model.js";
import { withModel } from "../../model/load.js";
import { RankLogs } from "../../model/rank-logs.js";
import type { GenerateFlags } from "../../options/flags.js";
import { samplingSettings } from "../../options/option-groups.js";
import { reportState } from "../../supervisor/supervised.js";
import { EXIT_OK } from "../../terminal/exit-code.js";
import { Interrupt } from "../../terminal/interrupt.js";
import { printNote } from "../../terminal/notes.js";
import { Output } from "../../terminal/output.js";
import { promptText, StatusLine } from "../../terminal/status-line.js";
import { summaryLine } from "../../terminal/summary.js";
import { CompletionWriter } from "./completion-writer.js";
import { readPrompt } from "./prompt.js";

/** Runs the command and returns the exit code. `words` are the arguments that are not options. */
export async function generate(flags: GenerateFlags, words: readonly string[]): Promise<number> {
  const stop = new AbortController();
  const interrupt = new Interrupt(() => stop.abort());
  const logs = new RankLogs(flags);
  const output = new Output(process.stdout, () => stop.abort(), logs);
  try {
    checkWords(words, flags);
    if (flags.logprobs !== undefined && !flags.json && !flags.stream_json) {
      throw new LlamaError("usage", "--logprobs needs --json or --stream_json");
    }
    await run(flags, output, logs, stop.signal);
  } catch (error) {
    if (!interrupt.explains(error)) throw error;
  } finally {
    interrupt.dispose();
  }
  return interrupt.exitCode ?? EXIT_OK;
}

async function run(flags: GenerateFlags, output: Output, logs: RankLogs, signal: AbortSignal): Promise<void> {
  const { isDemo, ...model } = chooseModel(flags);
  const prompt = await readPrompt(flags, signal);
  if (isDemo && !flags.quiet) printNote("No --ckpt_dir: running the bundled demo model, which writes short stories.");
  const summary = await withModel({ model, flags, logs, signal }, async (llama) => {
    reportState({ phase: "generating" });
    const completion = await (flags.output === undefined
      ? stream(llama, prompt, flags, output.write.bind(output), signal)
      : streamToFile(llama, prompt, flags, flags.output, signal));
    return summaryLine(llama, completion);
  });
  if (!flags.quiet && !output.closed) printNote(summary);
}

/** Writes a file that appears only when the completion is complete; an interrupted one leaves no file. */
async function streamToFile(
  llama: Llama,
  prompt: string,
  flags: GenerateFlags,
  path: string,
  signal: AbortSignal,
): Promise<Completion> {
  const file = await AtomicFile.create(path);
  try {
    const completion = await stream(llama, prompt, flags, file.write.bind(file), signal);
    if (completion.finishReason === "abort") await file.abandon();
    else await file.finish();
    return completion;
  } catch (error) {
    await file.abandon();
    throw error;
  }
}

/** Generates the completion and writes each piece of text as soon as it is final. */
async function stream(
  llama: Llama,
  prompt: string,
  flags: GenerateFlags,
  write: (text: string) => Promise<void>,
  signal: AbortSignal,
): Promise<Completion> {
  const status = new StatusLine(!flags.quiet);
  const start = performance.now();
  const onPrompt = (done: number, total: number) => {
    if (done === total) status.clear();
    else status.show(promptText(done, total, performance.now() - start));
  };
  const { echo = false, logprobs } = flags;
  const scores = logprobs !== undefined && { logprobs: true, topLogprobs: logprobs === true ? 0 : logprobs };
  const options = { ...samplingSettings(flags), ...scores, echo, onPrompt, signal };
  const writer = new CompletionWriter(write, llama, flags, prompt);
  let completion: Completion | null = null;
  try {
    for await (const event of llama.stream(prompt, options)) {
      completion = event.done;
      await writer.add(event);
    }
  } finally {
    status.clear();
    await writer.end(completion);
  }
  if (!completion) throw new Error("the stream ended without a completion");
  return completion;
}

/** A pasted torchrun line may name a script, which is not run. Any other word is an error, most often a prompt without its option. */
export function checkWords(words: readonly string[], { quiet }: Pick<GenerateFlags, "quiet">): void {
  const [script, ...rest] = words;
  if (script === undefined) return;
  const unexpected = script.endsWith(".py") ? rest[0] : script;
  if (unexpected !== undefined) {
    throw new LlamaError("usage", `unexpected argument '${unexpected}'`, {
      fix: 'Give a prompt as --prompt "..."; a command must come first',
    });
  }
  if (!quiet) printNote(`${script} is not run: llama-ts replaces it.`);
}
