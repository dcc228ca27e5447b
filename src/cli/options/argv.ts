/**
 * The command line before it is parsed: one spelling for every option, and the command that goes without saying.
 * Knows which options exist and which take a value; not what they mean.
 */

/** The part of a commander command that is looked at. */
export interface CommandSpelling {
  name(): string;
  readonly options: readonly { readonly long?: string | undefined; readonly required: boolean }[];
  readonly commands: readonly CommandSpelling[];
}

/** Options that only make sense where there is one prompt. */
const ONE_PROMPT = /^(-o|--(prompt|prompt[-_]file|no[-_]stdin|echo|json|stream[-_]json|logprobs|output))(=|$)/;

/**
 * Options take - or _ between words, as torchrun's. A line without a command, or one that starts with an option or a
 * script, is a generate, so that `llama-ts --nproc_per_node 2 example.py --ckpt_dir DIR` works as pasted; on a terminal
 * and without a prompt it opens a dialogue.
 */
export function normaliseArgv(argv: readonly string[], program: CommandSpelling, stdinIsTerminal: boolean): string[] {
  const words = argv[0] === "torchrun" ? argv.slice(1) : [...argv];
  const first = words[0];
  const isOwn = first !== undefined && ["-h", "--help", "-V", "--version"].includes(first);
  const impliesCommand = first === undefined || (!isOwn && (first.startsWith("-") || first.endsWith(".py")));
  if (impliesCommand) {
    words.unshift(stdinIsTerminal && !words.some((word) => ONE_PROMPT.test(word)) ? "repl" : "generate");
  }

  const command = program.commands.find((candidate) => candidate.name() === words[0]);
  const takesValue = new Map<string, boolean>();
  for (const { long, required } of [...program.options, ...(command?.options ?? [])]) {
    if (long !== undefined) takesValue.set(long, required);
  }
  for (let i = 0; i < words.length && words[i] !== "--"; i++) {
    const word = words[i]!;
    if (!word.startsWith("--")) continue;
    const end = word.includes("=") ? word.indexOf("=") : word.length;
    const name = `--${word.slice(2, end).replaceAll("-", "_")}`;
    if (!takesValue.has(name)) continue;
    words[i] = name + word.slice(end);
    // The next word is a value, whatever it looks like.
    if (takesValue.get(name) && end === word.length) i++;
  }
  return words;
}
