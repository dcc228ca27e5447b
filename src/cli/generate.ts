/** The command `generate`: prompt in, text to stdout as it comes. Knows the order of things; each thing is a file of its own. */
import { LlamaError } from "../error.js";
import type { Completion, Llama } from "../index.js";
import { chooseModel } from "./demo.js";
import { EXIT_OK } from "./exit-code.js";
import type { GenerateFlags } from "./flags.js";
import { Interrupt } from "./interrupt.js";
import { loadModel } from "./load.js";
import { printNote } from "./notes.js";
import { samplingSettings } from "./option-groups.js";
import { Output } from "./output.js";
import { promptText, StatusLine } from "./progress.js";
import { readPrompt } from "./prompt.js";
import { jsonResult, summaryLine } from "./summary.js";

/** Runs the command and returns the exit code. `words` are what stands on the line beside the options. */
export async function generate(flags: GenerateFlags, words: readonly string[]): Promise<number> {
  const stop = new AbortController();
  const interrupt = new Interrupt(() => stop.abort());
  const output = new Output(process.stdout, () => stop.abort());
  try {
    checkWords(words, flags);
    await run(flags, output, stop.signal);
  } catch (error) {
    if (interrupt.exitCode === null || !isAbort(error)) throw error;
  } finally {
    interrupt.dispose();
  }
  return interrupt.exitCode ?? EXIT_OK;
}

async function run(flags: GenerateFlags, output: Output, signal: AbortSignal): Promise<void> {
  const { isDemo, ...model } = chooseModel(flags);
  const prompt = await readPrompt(flags, signal);
  if (isDemo && !flags.quiet) printNote("No --ckpt_dir: running the bundled demo model, which tells small stories.");
  const llama = await loadModel(model, flags, signal);
  try {
    const completion = await stream(llama, prompt, flags, output, signal);
    if (flags.json) {
      await output.write(`${JSON.stringify(jsonResult(llama, completion, flags.echo ? prompt : ""))}\n`);
    }
    if (!flags.quiet && !output.closed) printNote(summaryLine(llama, completion));
  } finally {
    await llama.close();
  }
}

/** Prints the text as it becomes final, unless it is wanted as JSON. */
async function stream(
  llama: Llama,
  prompt: string,
  flags: GenerateFlags,
  output: Output,
  signal: AbortSignal,
): Promise<Completion> {
  const status = new StatusLine(!flags.quiet);
  const start = performance.now();
  const onPrompt = (done: number, total: number) => {
    if (done === total) status.clear();
    else status.show(promptText(done, total, performance.now() - start));
  };
  const options = { ...samplingSettings(flags), onPrompt, signal };
  // Printed with the first piece: a prompt that is refused leaves stdout empty.
  let echo = flags.echo ? prompt : "";
  let isOpen = false;
  let completion: Completion | null = null;
  try {
    for await (const { text, done } of llama.stream(prompt, options)) {
      completion = done;
      if (flags.json) continue;
      isOpen = true;
      await output.write(echo + text);
      echo = "";
    }
  } finally {
    status.clear();
    if (isOpen) await output.write("\n");
  }
  if (!completion) throw new Error("the stream ended without a completion");
  return completion;
}

/** A pasted torchrun line has a script: it is not run. Any other word is a mistake, most often a prompt without its option. */
function checkWords(words: readonly string[], { quiet }: GenerateFlags): void {
  const [script, ...rest] = words;
  if (script === undefined) return;
  const stray = script.endsWith(".py") ? rest[0] : script;
  if (stray !== undefined) {
    throw new LlamaError("usage", `unexpected argument '${stray}'`, {
      fix: 'A prompt is given as --prompt "...", a command comes first',
    });
  }
  if (!quiet) printNote(`${script} is not run: llama-ts does its work itself.`);
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}
