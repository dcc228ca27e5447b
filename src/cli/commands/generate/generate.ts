/** The command `generate`: reads a prompt and streams its completion to stdout or a file. */
import { LlamaError } from "../../../error.js";
import { AtomicFile } from "../../../formats/files/atomic-file.js";
import type { Completion, Llama } from "../../../index.js";
import { chooseModel, noteDemo } from "../../model/choose-model.js";
import { withModel } from "../../model/load.js";
import { runCommand } from "../../model/run-command.js";
import type { GenerateFlags } from "../../options/flags.js";
import { samplingSettings } from "../../options/option-groups.js";
import { checkWords, scriptOf } from "../../options/script-word.js";
import { reportState } from "../../supervisor/supervised.js";
import { printNote } from "../../terminal/notes.js";
import { promptText, StatusLine } from "../../terminal/status-line.js";
import { summaryLine } from "../../terminal/summary.js";
import { CompletionWriter } from "./completion-writer.js";
import { readPrompt } from "./prompt.js";

/** Runs the command and returns the exit code. `words` are the arguments that are not options. */
export function generate(flags: GenerateFlags, words: readonly string[]): Promise<number> {
  return runCommand(flags, async ({ signal, output, logs }) => {
    checkWords(words, flags);
    if (flags.logprobs !== undefined && !flags.json && !flags.stream_json) {
      throw new LlamaError("usage", "--logprobs needs --json or --stream_json");
    }
    const model = chooseModel(flags);
    const prompt = await readPrompt(flags, signal, scriptOf(words, flags));
    noteDemo(model, flags);
    const summary = await withModel({ model, flags, logs, signal }, async (llama) => {
      reportState({ phase: "generating" });
      const completion = await (flags.output === undefined
        ? stream(llama, prompt, flags, output.write.bind(output), signal)
        : streamToFile(llama, prompt, flags, flags.output, signal));
      return summaryLine(llama, completion);
    });
    if (!flags.quiet && !output.closed) printNote(summary);
  });
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
