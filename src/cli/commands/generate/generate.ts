/** The command `generate`: reads a prompt and streams its completion to stdout or a file. */
import { LlamaError } from "../../../error.js";
import { AtomicFile } from "../../../formats/files/atomic-file.js";
import type { ChatChoice, ChatPrompt, Completion, Dialog, Form, Llama } from "../../../index.js";
import { answerForm, isFormOnStdin } from "../../model/answer-form.js";
import { chatChoice, oneShotFormat } from "../../model/chat-choice.js";
import { chooseModel, noteDemo } from "../../model/choose-model.js";
import { withModel } from "../../model/load.js";
import { runCommand } from "../../model/run-command.js";
import type { GenerateFlags } from "../../options/flags.js";
import { samplingSettings } from "../../options/option-groups.js";
import { checkWords, scriptOf } from "../../options/script-word.js";
import { reportState } from "../../supervisor/supervised.js";
import { printNote } from "../../terminal/notes.js";
import { promptText, StatusLine } from "../../terminal/status-line.js";
import { formLines, promptLines, summaryLine } from "../../terminal/summary.js";
import { CompletionWriter } from "./completion-writer.js";
import { readPrompt } from "./prompt.js";

/** Runs the command and returns the exit code. `words` are the arguments that are not options. */
export function generate(flags: GenerateFlags, words: readonly string[]): Promise<number> {
  return runCommand(flags, async ({ signal, output, logs, startEngine }) => {
    checkWords(words, flags);
    if (flags.logprobs !== undefined && !flags.json && !flags.stream_json) {
      throw new LlamaError("usage", "--logprobs needs --json or --stream_json");
    }
    const choice = chatOf(flags, words);
    const model = chooseModel(flags);
    if (isFormOnStdin(flags) && flags.prompt === "-") {
      throw new LlamaError("usage", "stdin cannot be both the schema and the prompt");
    }
    const form = await answerForm(flags, signal);
    const own = isFormOnStdin(flags) ? { ...flags, no_stdin: true as const } : flags;
    const prompt = await readPrompt(own, signal, scriptOf(words, flags));
    noteDemo(model, flags);
    const summary = await withModel({ model, flags, logs, signal, startEngine }, async (llama) => {
      reportState({ phase: "generating" });
      const request = requestFor(llama, prompt, choice, flags);
      const completion = await (flags.output === undefined
        ? stream(llama, request, form, flags, output.write.bind(output), signal)
        : streamToFile(llama, request, form, flags, flags.output, signal));
      const lines = [...promptLines(llama, completion), ...formLines(completion), summaryLine(llama, completion)];
      return lines.join("\n");
    });
    if (!flags.quiet && !output.closed) printNote(summary);
  });
}

/** What to generate, and how it is shown with --echo. */
interface Request {
  prompt: string | ChatPrompt;
  shown: string;
}

/** The chat format that the line asks for: Meta's script for chats and a system prompt ask for one, too. null: the prompt is continued as it is. */
function chatOf({ chat, system, parse_special }: GenerateFlags, words: readonly string[]): ChatChoice | null {
  const isChat = system !== undefined || words.some((word) => /chat\w*\.py$/.test(word));
  const choice = chat === undefined ? (isChat ? "auto" : null) : chatChoice(chat);
  if (parse_special && choice !== null && choice !== "none") {
    throw new LlamaError("usage", "--parse_special is for a prompt without a chat format");
  }
  return choice;
}

function requestFor(llama: Llama, shown: string, choice: ChatChoice | null, flags: GenerateFlags): Request {
  const { system, quiet = false } = flags;
  const isUnasked = choice === null && llama.chatName !== "none" && !flags.parse_special;
  if (isUnasked && !quiet) printNote("This is a chat model: --chat auto answers in its format.");
  const chat = choice === null ? null : oneShotFormat(choice, llama, quiet);
  if (chat === null) return { prompt: system === undefined ? shown : `${system}\n${shown}`, shown };
  const before: Dialog = system === undefined ? [] : [{ role: "system", content: system }];
  return { prompt: { messages: [...before, { role: "user", content: shown }], chat }, shown };
}

/** Writes a file that appears only when the completion is complete; an interrupted one leaves no file. */
async function streamToFile(
  llama: Llama,
  request: Request,
  form: Form | null,
  flags: GenerateFlags,
  path: string,
  signal: AbortSignal,
): Promise<Completion> {
  const file = await AtomicFile.create(path);
  try {
    const completion = await stream(llama, request, form, flags, file.write.bind(file), signal);
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
  { prompt, shown }: Request,
  form: Form | null,
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
  const parseSpecial = flags.parse_special === true;
  const options = {
    ...samplingSettings(flags),
    ...(form && { form }),
    ...scores,
    echo,
    parseSpecial,
    onPrompt,
    signal,
  };
  const writer = new CompletionWriter(write, llama, { ...flags, isAnswer: typeof prompt === "object" }, shown);
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
