/** The commands of the dialogue: names, help and what each does. Knows the dialogue; not where lines come from. */
import { homedir } from "node:os";
import { LlamaError } from "../../../error.js";
import { count } from "../../terminal/summary.js";
import { figures } from "./answer.js";
import type { Dialogue } from "./dialogue.js";
import { loadDialogue, saveDialogue } from "./dialogue-file.js";
import { change, SETTING_NAMES, showSetting } from "./settings.js";

/** What a command may do beside changing the dialogue. */
export interface CommandHost {
  readonly dialogue: Dialogue;
  print(line: string): void;
  answer(text: string): Promise<void>;
  edit(text: string): Promise<string>;
  toggleMultiline(): boolean;
  leave(): void;
}

export interface Command {
  /** Names and arguments, as /help shows them; the first word is what is typed. */
  readonly usage: string;
  readonly help: string;
  run(host: CommandHost, argument: string): Promise<void> | void;
}

export const COMMANDS: readonly Command[] = [
  { usage: "/help", help: "this list", run: (host) => helpLines().forEach(host.print) },
  { usage: "/set NAME VALUE", help: `change a setting: ${SETTING_NAMES.join(" ")}`, run: set },
  {
    usage: "/show",
    help: "settings, model, memory, context",
    run: (host) => showLines(host.dialogue).forEach(host.print),
  },
  { usage: "/clear", help: "begin anew", run: clear },
  { usage: "/regen", help: "the last answer again", run: regenerate },
  { usage: "/undo", help: "take the last turn back", run: undo },
  { usage: "/save FILE [cache]", help: "write the dialogue, with cache also keys and values", run: save },
  { usage: "/load FILE", help: "go on with a dialogue from a file", run: load },
  {
    usage: "/stats",
    help: "figures of the last answer and of all",
    run: (host) => statsLines(host.dialogue).forEach(host.print),
  },
  { usage: "/tokens TEXT", help: "the tokens of a text", run: tokens },
  { usage: "/multiline", help: "Enter adds a line, an empty line sends; again: off", run: multiline },
  { usage: "/edit [last]", help: "write in $EDITOR; last: change the last message", run: editMessage },
  { usage: "/bye", help: "leave, as Ctrl-D", run: (host) => host.leave() },
];

export const COMMAND_NAMES = COMMANDS.map(({ usage }) => usage.split(" ")[0]!);
const OTHER_NAMES: Readonly<Record<string, string>> = { "/?": "/help", "/exit": "/bye", "/quit": "/bye" };

/** Runs a line that begins with a slash. */
export async function runCommand(host: CommandHost, line: string): Promise<void> {
  const [, typed = "", argument = ""] = /^(\S+)\s*([\s\S]*?)\s*$/.exec(line) ?? [];
  const name = OTHER_NAMES[typed] ?? typed;
  const command = COMMANDS[COMMAND_NAMES.indexOf(name)];
  if (!command) throw new LlamaError("usage", `no command '${typed}'`, { fix: "/help lists them" });
  await command.run(host, argument);
}

function helpLines(): string[] {
  const width = Math.max(...COMMANDS.map(({ usage }) => usage.length)) + 2;
  return [
    ...COMMANDS.map(({ usage, help }) => usage.padEnd(width) + help),
    "",
    'Several lines: """ before and behind, or \\ at the end of a line, or paste them.',
    "Ctrl-C stops an answer. At an empty prompt, Enter goes on with the text of a model that is not for chats.",
  ];
}

function set({ dialogue, print }: CommandHost, argument: string): void {
  const [, name = "", value = ""] = /^(\S*)\s*([\s\S]*)$/.exec(argument)!;
  if (name === "") return void settingLines(dialogue).forEach(print);
  if (value !== "") change(dialogue.settings, name, value);
  else if (!(SETTING_NAMES as string[]).includes(name)) change(dialogue.settings, name, value);
  print(showSetting(dialogue.settings, name));
}

function settingLines({ settings }: Dialogue): string[] {
  return SETTING_NAMES.map((name) => showSetting(settings, name));
}

function showLines(dialogue: Dialogue): string[] {
  const { llama, conversation, turns } = dialogue;
  const { length } = conversation.lastIds;
  return [
    `model ${llama.ckptDir}: ${count(llama.parameterCount)} parameters, ${llama.dtype}, ${llama.worldSize} x ${llama.threadsPerRank} threads`,
    `format ${conversation.format.name}, ${turns.length} turns, context ${length} of ${llama.maxSeqLen} tokens`,
    `memory ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`,
    ...settingLines(dialogue),
  ];
}

function clear({ dialogue, print }: CommandHost): void {
  dialogue.conversation.turns = [];
  print("Begun anew.");
}

async function regenerate({ dialogue, answer }: CommandHost): Promise<void> {
  await answer(takeBack(dialogue));
}

function undo({ dialogue, print }: CommandHost): void {
  takeBack(dialogue);
  const left = dialogue.turns.length;
  print(`The last turn is taken back; ${left} ${left === 1 ? "is" : "are"} left.`);
}

/** What was said last; its turn goes. */
function takeBack({ conversation }: Dialogue): string {
  const turn = conversation.undo();
  if (!turn) throw new LlamaError("usage", "there is no turn yet");
  return turn.user;
}

async function save({ dialogue, print }: CommandHost, argument: string): Promise<void> {
  const [, file = "", cache] = /^(.*?)(\s+cache)?$/s.exec(argument)!;
  if (file === "") throw new LlamaError("usage", "/save needs a file");
  print(await saveDialogue(dialogue, place(file), cache !== undefined));
}

async function load({ dialogue, print }: CommandHost, file: string): Promise<void> {
  if (file === "") throw new LlamaError("usage", "/load needs a file");
  print(await loadDialogue(dialogue, place(file)));
}

/** No shell has seen what is typed here. */
function place(file: string): string {
  return file.replace(/^~(?=\/)/, homedir());
}

function statsLines({ last, totals, llama }: Dialogue): string[] {
  const { answers, newTokens, reusedTokens, generatedTokens, droppedTurns } = totals;
  return [
    ...(last ? [`last: ${figures(last, llama.maxSeqLen)} · seed ${last.seed}`] : []),
    `all ${answers} answers: ${newTokens} new + ${reusedTokens} reused tokens, ${generatedTokens} generated, ${droppedTurns} turns dropped`,
  ];
}

function tokens({ dialogue, print }: CommandHost, text: string): void {
  const { tokenizer } = dialogue.llama;
  const ids = tokenizer.encode(text);
  print(`${ids.length} ${ids.length === 1 ? "token" : "tokens"}`);
  const shown = ids.map((id) => {
    // Behind another word a token shows the space it may begin with.
    const stream = tokenizer.detokenizer();
    stream.prime(tokenizer.encode("a"));
    return `${id} ${JSON.stringify(stream.push(id) + stream.flush())}`;
  });
  if (ids.length > 0) print(shown.join("  "));
}

function multiline({ toggleMultiline, print }: CommandHost): void {
  print(toggleMultiline() ? "Enter adds a line, an empty line sends." : "Enter sends.");
}

async function editMessage({ dialogue, edit, answer }: CommandHost, argument: string): Promise<void> {
  if (argument !== "" && argument !== "last")
    throw new LlamaError("usage", `/edit takes only 'last', found '${argument}'`);
  const isLast = argument === "last";
  const text = await edit(isLast ? (dialogue.turns.at(-1)?.user ?? "") : "");
  if (text === "") throw new LlamaError("usage", "the text is empty: nothing was sent");
  if (isLast) takeBack(dialogue);
  await answer(text);
}
