/**
 * Prepares the command line for parsing: one spelling for every option, and the command that a line leaves out.
 * Does not know what options mean, only which exist and which need a value.
 */

/** The part of a commander command that is read here. */
export interface CommandSpelling {
  name(): string;
  readonly options: readonly { readonly long?: string | undefined; readonly required: boolean }[];
  readonly commands: readonly CommandSpelling[];
}

/** Options that only make sense with a single prompt. */
const ONE_PROMPT = /^(-o|--(prompt|prompt[-_]file|no[-_]stdin|echo|json|stream[-_]json|logprobs|output))(=|$)/;

/**
 * Accepts - or _ between the words of an option, as torchrun does. A line without a command, or one that starts with an
 * option or a script, becomes a `generate`, so that `llama-ts --nproc_per_node 2 example.py --ckpt_dir DIR` works as
 * pasted; on a terminal and without a prompt it becomes a `repl`. `help` alone is `--help`.
 */
export function normaliseArgv(argv: readonly string[], program: CommandSpelling, stdinIsTerminal: boolean): string[] {
  const words = argv[0] === "torchrun" ? argv.slice(1) : [...argv];
  if (words.length === 1 && words[0] === "help") return ["--help"];
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
