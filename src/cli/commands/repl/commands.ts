/** The slash commands of the REPL: their names, help and actions. Does not know where lines come from. */
import { homedir } from "node:os";
import { LlamaError } from "../../../error.js";
import { plural, showBytes } from "../../../formats/files/amounts.js";
import { similarName } from "../../../generation/options/similar-name.js";
import { fitLines } from "../../terminal/fit-lines.js";
import { count } from "../../terminal/summary.js";
import { figures } from "./answer.js";
import type { Dialogue } from "./dialogue.js";
import { loadDialogue, saveDialogue } from "./dialogue-file.js";
import { allSettings, change, SETTING_NAMES, showSetting } from "./settings.js";

/** What a command can use: the dialogue, output, the editor and the state of the REPL. */
export interface CommandHost {
  readonly dialogue: Dialogue;
  /** Prints lines among the answers. */
  print(text: string): Promise<void>;
  answer(text: string): Promise<void>;
  edit(text: string): Promise<string>;
  toggleMultiline(): boolean;
  leave(): void;
}

export interface Command {
  /** Name and arguments, as /help shows them; the first word is the name. */
  readonly usage: string;
  readonly help: string;
  run(host: CommandHost, argument: string): Promise<void> | void;
}

/** The setting of the terminal that sessions do not keep: figures after each answer. */
export const STATS = "stats";

export const COMMANDS: readonly Command[] = [
  { usage: "/help", help: "list the commands", run: (host) => host.print(fitLines(helpLines().join("\n"))) },
  { usage: "/set NAME VALUE", help: `change a setting: ${SETTING_NAMES.join(" ")} ${STATS}`, run: set },
  {
    usage: "/show",
    help: "show settings, model, memory and context",
    run: (host) => host.print(fitLines(showLines(host.dialogue).join("\n"))),
  },
  { usage: "/clear", help: "clear the conversation", run: clear },
  { usage: "/regen", help: "generate the last answer again", run: regenerate },
  { usage: "/undo", help: "remove the last turn", run: undo },
  { usage: "/save FILE [cache]", help: "save the conversation; with cache also the KV cache", run: save },
  { usage: "/load FILE", help: "load a conversation from a file", run: load },
  {
    usage: "/stats",
    help: "show figures of the last answer and of all answers",
    run: (host) => host.print(fitLines(statsLines(host.dialogue).join("\n"))),
  },
  { usage: "/tokens TEXT", help: "show the tokens of a text", run: tokens },
  { usage: "/multiline", help: "on or off: Enter adds a line, an empty line sends", run: multiline },
  { usage: "/edit [last]", help: "write a message in $EDITOR; last: edit the last message", run: editMessage },
  { usage: "/bye", help: "leave (also Ctrl-D)", run: (host) => host.leave() },
];

export const COMMAND_NAMES = COMMANDS.map(({ usage }) => usage.split(" ")[0]!);
const OTHER_NAMES: Readonly<Record<string, string>> = { "/?": "/help", "/exit": "/bye", "/quit": "/bye" };

/** Whether a line is a command: it begins with a slash, and its first word is not the path of a file. */
export function isCommandLine(line: string): boolean {
  const [word = ""] = /^\S*/.exec(line)!;
  return word.startsWith("/") && !word.slice(1).includes("/");
}

/** Runs a line for which isCommandLine() is true. */
export async function runSlashCommand(host: CommandHost, line: string): Promise<void> {
  const [, typed = "", argument = ""] = /^(\S+)\s*([\s\S]*?)\s*$/.exec(line) ?? [];
  const name = OTHER_NAMES[typed] ?? typed;
  const command = COMMANDS[COMMAND_NAMES.indexOf(name)];
  if (!command) {
    const similar = similarName(name, COMMAND_NAMES);
    const fix = similar === undefined ? "/help lists the commands" : `Did you mean ${similar}?`;
    throw new LlamaError("usage", `unknown command: ${typed}`, { fix });
  }
  if (argument !== "" && command.usage === name && name !== "/help") {
    throw new LlamaError("usage", `${name} accepts no argument`, { found: argument });
  }
  await command.run(host, argument);
}

function helpLines(): string[] {
  const width = Math.max(...COMMANDS.map(({ usage }) => usage.length)) + 2;
  return [
    ...COMMANDS.map(({ usage, help }) => usage.padEnd(width) + help),
    "",
    'Several lines: put """ before and after them, end a line with \\ to continue it, or paste them.',
    "Ctrl-C stops an answer. At an empty prompt, Enter continues the text of a model without a chat format.",
  ];
}

async function set({ dialogue, print }: CommandHost, argument: string): Promise<void> {
  const [, name = "", value = ""] = /^(\S*)\s*([\s\S]*)$/.exec(argument)!;
  if (name === "") return print(settingLines(dialogue).join("\n"));
  if (name === STATS) {
    if (value !== "") dialogue.stats = isOn(value);
    return print(statsSetting(dialogue));
  }
  if (value !== "" || !SETTING_NAMES.includes(name)) await change(dialogue.settings, name, value);
  await print(showSetting(dialogue.settings, name));
}

function settingLines(dialogue: Dialogue): string[] {
  return [...allSettings(dialogue.settings), statsSetting(dialogue)];
}

function statsSetting({ stats }: Dialogue): string {
  return `${STATS} ${stats ? "on" : "off"}`;
}

function isOn(value: string): boolean {
  if (value !== "on" && value !== "off") throw new LlamaError("usage", `${STATS}: Expected on or off.`);
  return value === "on";
}

function showLines(dialogue: Dialogue): string[] {
  const { llama, conversation, turns } = dialogue;
  const { length } = conversation.lastIds;
  return [
    `model ${llama.ckptDir}: ${count(llama.parameterCount)} parameters, ${llama.dtype}, ${llama.worldSize} x ${llama.threadsPerRank} threads`,
    `format ${conversation.format.name}, ${turns.length} turns, context ${length} of ${llama.maxSeqLen} tokens`,
    `memory ${showBytes(process.memoryUsage().rss)}`,
    ...settingLines(dialogue),
  ];
}

function clear({ dialogue, print }: CommandHost): Promise<void> {
  dialogue.conversation.turns = [];
  return print("Conversation cleared.");
}

async function regenerate({ dialogue, answer }: CommandHost): Promise<void> {
  await answer(removeLastTurn(dialogue));
}

function undo({ dialogue, print }: CommandHost): Promise<void> {
  removeLastTurn(dialogue);
  return print(`Removed the last turn; ${dialogue.turns.length} left.`);
}

/** Removes the last turn and returns its user message. Throws LlamaError (usage) if there is no turn yet. */
function removeLastTurn({ conversation }: Dialogue): string {
  const turn = conversation.undo();
  if (!turn) throw new LlamaError("usage", "there is no turn yet");
  return turn.user;
}

async function save({ dialogue, print }: CommandHost, argument: string): Promise<void> {
  const [, file = "", cache] = /^(.*?)(\s+cache)?$/s.exec(argument)!;
  if (file === "") throw new LlamaError("usage", "/save needs a file");
  await print(await saveDialogue(dialogue, expandHome(file), cache !== undefined));
}

async function load({ dialogue, print }: CommandHost, file: string): Promise<void> {
  if (file === "") throw new LlamaError("usage", "/load needs a file");
  await print(await loadDialogue(dialogue, expandHome(file)));
}

/** Expands a leading ~, since no shell does it here. */
function expandHome(file: string): string {
  return file.replace(/^~(?=[/\\])/, homedir());
}

function statsLines({ last, totals, llama }: Dialogue): string[] {
  const { answers, newTokens, reusedTokens, generatedTokens, droppedTurns } = totals;
  return [
    ...(last ? [`last: ${figures(last, llama.maxSeqLen)} · seed ${last.seed}`] : []),
    `all ${answers} answers: ${newTokens} new + ${reusedTokens} reused tokens, ${generatedTokens} generated, ${droppedTurns} turns dropped`,
  ];
}

async function tokens({ dialogue, print }: CommandHost, text: string): Promise<void> {
  const { tokenizer } = dialogue.llama;
  const ids = tokenizer.encode(text);
  await print(plural(ids.length, "token"));
  const shown = ids.map((id) => {
    // Decoded after another word, a token shows the space that it may begin with.
    const stream = tokenizer.detokenizer();
    stream.prime(tokenizer.encode("a"));
    return `${id} ${JSON.stringify(stream.push(id) + stream.flush())}`;
  });
  if (ids.length > 0) await print(shown.join("  "));
}

function multiline({ toggleMultiline, print }: CommandHost): Promise<void> {
  return print(toggleMultiline() ? "Enter adds a line, an empty line sends." : "Enter sends.");
}

async function editMessage({ dialogue, edit, answer }: CommandHost, argument: string): Promise<void> {
  if (argument !== "" && argument !== "last")
    throw new LlamaError("usage", `/edit accepts only 'last', found '${argument}'`);
  const isLast = argument === "last";
  const text = await edit(isLast ? (dialogue.turns.at(-1)?.user ?? "") : "");
  if (text === "") throw new LlamaError("usage", "the text is empty: nothing was sent");
  if (isLast) removeLastTurn(dialogue);
  await answer(text);
}
