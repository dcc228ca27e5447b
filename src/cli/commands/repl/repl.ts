/** The command `repl`: loads the model, then answers messages and runs commands until the user leaves. */
import { existsSync } from "node:fs";
import { failurePlace, LlamaError } from "../../../error.js";
import type { Llama } from "../../../index.js";
import { formOf, isFormOnStdin } from "../../model/answer-form.js";
import { chatChoice, formatTitle } from "../../model/chat-choice.js";
import { chooseModel, noteDemo } from "../../model/choose-model.js";
import { FORM_SETTINGS } from "../../model/form-settings.js";
import { withModel } from "../../model/load.js";
import { runCommand } from "../../model/run-command.js";
import { checkWords } from "../../options/script-word.js";
import { EXIT_OK, SIGNAL_CODES } from "../../terminal/exit-code.js";
import { printError, printNote } from "../../terminal/notes.js";
import type { Output } from "../../terminal/output.js";
import { printAnswer } from "./answer.js";
import { isCommandLine, runSlashCommand } from "./commands.js";
import { Dialogue } from "./dialogue.js";
import { openDialogueFile, saveDialogue } from "./dialogue-file.js";
import { edit } from "./editor.js";
import { History, historyPath } from "./history.js";
import type { Lines } from "./lines.js";
import { type Message, MessageReader } from "./message-reader.js";
import { PlainLines } from "./plain-lines.js";
import type { ReplFlags } from "./repl-flags.js";
import { complete } from "./tab-completion.js";
import { TerminalLines } from "./terminal-lines.js";

/** Signals that end the REPL; Ctrl-C is handled separately. */
const ENDING = ["SIGTERM", "SIGHUP"] as const;

/** Runs the command and returns the exit code. `isGiven`: true if an option was given on the command line. */
export function repl(
  flags: ReplFlags,
  words: readonly string[],
  isGiven: (option: string) => boolean,
): Promise<number> {
  return runCommand(flags, async ({ signal, output, logs, interrupt, startEngine }) => {
    checkWords(words, flags);
    const model = chooseModel(flags);
    if (process.stdin.isTTY) noteDemo(model, flags);
    return withModel({ model, flags, logs, signal, startEngine }, (llama) => {
      // From now on signals concern the answer or the prompt.
      interrupt.dispose();
      return converse(llama, flags, isGiven, output, signal);
    });
  });
}

async function converse(
  llama: Llama,
  flags: ReplFlags,
  isGiven: (option: string) => boolean,
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  const { system = null } = flags;
  const chat = chatChoice(flags.chat);
  if (isFormOnStdin(flags)) throw new LlamaError("usage", "stdin is the dialogue", { where: "--json_schema -" });
  const form = await formOf(flags);
  const dialogue = new Dialogue(llama, llama.conversation({ chat, system }), { ...flags, system, form }, chat);
  if (flags.session !== undefined && existsSync(flags.session)) {
    const isFormGiven = FORM_SETTINGS.some(isGiven);
    const given = Object.entries(dialogue.settings).filter(([name]) => (name === "form" ? isFormGiven : isGiven(name)));
    const line = await openDialogueFile(dialogue, flags.session, Object.fromEntries(given));
    if (!flags.quiet) printNote(line);
  }
  return new Repl(dialogue, flags, output, signal).run();
}

class Repl {
  readonly #dialogue: Dialogue;
  readonly #quiet: boolean;
  /** The value of --chat. */
  readonly #chat: string;
  /** File of --session; null without one. */
  readonly #session: string | null;
  readonly #isCacheKept: boolean;
  readonly #lines: Lines;
  readonly #reader: MessageReader;
  readonly #output: Output;
  #exitCode: number | null = null;
  #abort: AbortController | null = null;
  /** True if the last input was Ctrl-C at an empty prompt. */
  #isHinted = false;

  /** `signal` is aborted when nobody reads the output any more. */
  constructor(dialogue: Dialogue, flags: ReplFlags, output: Output, signal: AbortSignal) {
    this.#dialogue = dialogue;
    this.#output = output;
    signal.addEventListener("abort", () => this.#leave(EXIT_OK));
    this.#quiet = flags.quiet === true;
    this.#chat = flags.chat;
    dialogue.stats = flags.verbose === true;
    this.#session = flags.session ?? null;
    this.#isCacheKept = flags.session_cache === true;
    this.#lines = openLines(flags);
    this.#lines.onInterrupt = () => this.#abort?.abort();
    this.#reader = new MessageReader(this.#lines);
  }

  async run(): Promise<number> {
    const onSignal = (name: (typeof ENDING)[number]) => this.#leave(SIGNAL_CODES[name]);
    for (const name of ENDING) process.on(name, onSignal);
    if (this.#lines.isInteractive && !this.#quiet) this.#greeting().forEach(printNote);
    try {
      while (this.#exitCode === null) await this.#turn();
      if (this.#isCacheKept) await this.#keep(true);
      return this.#exitCode;
    } finally {
      for (const name of ENDING) process.off(name, onSignal);
      this.#lines.close();
    }
  }

  #greeting(): string[] {
    const { name } = this.#dialogue.conversation.format;
    const leave = "/help lists commands, Ctrl-D or /bye leaves.";
    if (name === "none") return [`Type a text for the model to continue. ${leave}`];
    const title = formatTitle(name, this.#chat);
    return [`Chat format: ${title}; --chat none continues text.`, `Type a message. ${leave}`];
  }

  async #turn(): Promise<void> {
    const message = await this.#next();
    if (message === null) return;
    if (message.kind === "interrupt") return this.#interrupted();
    this.#isHinted = false;
    if (message.kind === "end") {
      // The shell's prompt should begin on a new line.
      if (this.#lines.isInteractive && this.#exitCode === null) process.stderr.write("\n");
      return this.#leave(EXIT_OK);
    }
    try {
      if (message.isPlain && isCommandLine(message.text)) await runSlashCommand(this.#host(), message.text);
      else if (message.isPlain && (await this.#isLeaving(message.text))) this.#leave(EXIT_OK);
      else await this.#answer(message.text);
    } catch (error) {
      // After a rank has failed, all ranks have ended.
      if (!(error instanceof LlamaError) || failurePlace(error)) throw error;
      printError(error.message);
    }
    await this.#keep(false);
  }

  /** The next message; null, with an error on the terminal, if what was typed there is not text. */
  async #next(): Promise<Message | null> {
    try {
      return await this.#reader.next();
    } catch (error) {
      if (!(error instanceof LlamaError) || !this.#lines.isInteractive) throw error;
      printError(error.message);
      return null;
    }
  }

  /** Saves the session; the KV cache only at the end, because it may be large. */
  async #keep(withCache: boolean): Promise<void> {
    if (this.#session === null) return;
    try {
      await saveDialogue(this.#dialogue, this.#session, withCache);
    } catch (error) {
      if (!(error instanceof LlamaError)) throw error;
      printError(error.message);
    }
  }

  /** Other programs are left with a word; here it may be a message, too. */
  async #isLeaving(text: string): Promise<boolean> {
    if (!this.#lines.isInteractive || !/^(exit|quit|bye)$/i.test(text.trim())) return false;
    printNote("/bye leaves without a question.");
    const answer = await this.#lines.read(`Leave? [Y/n; n sends "${text.trim()}" to the model] `);
    return answer.kind !== "line" || !/^no?$/i.test(answer.text.trim());
  }

  /** Ctrl-C at an empty prompt. */
  #interrupted(): void {
    if (this.#isHinted || !this.#lines.isInteractive) {
      this.#leave(SIGNAL_CODES.SIGINT);
      return;
    }
    this.#isHinted = true;
    printNote("Press Ctrl-C again, Ctrl-D or enter /bye to leave.");
  }

  async #answer(text: string): Promise<void> {
    const isContinued = this.#dialogue.conversation.format.name === "none" && this.#dialogue.turns.length > 0;
    if (text.trim() === "" && !(isContinued && text === "" && this.#lines.isInteractive)) return;
    this.#abort = new AbortController();
    try {
      const { isInteractive } = this.#lines;
      const options = { isInteractive, hasFigures: isInteractive && this.#dialogue.stats, quiet: this.#quiet };
      await printAnswer(this.#dialogue, text, this.#output, options, this.#abort.signal);
      // Without a terminal, Ctrl-C ends the program.
      if (this.#abort.signal.aborted && !this.#lines.isInteractive) this.#leave(SIGNAL_CODES.SIGINT);
    } finally {
      this.#abort = null;
    }
  }

  #leave(code: number): void {
    this.#exitCode ??= code;
    this.#abort?.abort();
    this.#lines.close();
  }

  #host() {
    return {
      dialogue: this.#dialogue,
      print: (text: string) => this.#output.write(`${text}\n`),
      answer: (text: string) => this.#answer(text),
      edit: (text: string) => this.#lines.suspendFor(() => edit(text)),
      toggleMultiline: () => {
        this.#reader.isMultiline = !this.#reader.isMultiline;
        return this.#reader.isMultiline;
      },
      leave: () => this.#leave(EXIT_OK),
    };
  }
}

/** Edited lines on a capable terminal, otherwise plain lines. */
function openLines(flags: ReplFlags): Lines {
  const { stdin, stdout, stderr } = process;
  const isInteractive = stdin.isTTY === true && (stdout.isTTY === true || stderr.isTTY === true);
  if (!isInteractive || process.env.TERM === "dumb") return new PlainLines(isInteractive);
  const history = new History(flags.no_history ? null : historyPath(), printNote);
  return new TerminalLines({ history: history.entries, complete, onEntry: (text) => history.add(text) });
}
