/** Makes completion scripts for bash, zsh and fish from the commands and their options. Does not run any command. */

/** The part of a commander option that is read here. */
interface CompletedOption {
  readonly long?: string | undefined;
  readonly short?: string | undefined;
  readonly flags: string;
  readonly description: string;
  readonly hidden: boolean;
  readonly required: boolean;
  readonly argChoices?: readonly string[] | undefined;
}

/** The part of a commander command that is read here. */
export interface CompletedCommand {
  name(): string;
  description(): string;
  readonly options: readonly unknown[];
  readonly commands: readonly CompletedCommand[];
}

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

export function completionScript(shell: Shell, program: CompletedCommand): string {
  return { bash, zsh, fish }[shell](program);
}

function visible(command: CompletedCommand): CompletedOption[] {
  return (command.options as readonly CompletedOption[]).filter(({ hidden, long }) => !hidden && long !== undefined);
}

/** What the value of an option is: the name of a file or a folder, one of some words, or anything. */
function valueKind({ flags, argChoices }: CompletedOption): "files" | "folders" | "words" | "any" {
  if (argChoices) return "words";
  return /<(file|path)>/.test(flags) ? "files" : /<dir>/.test(flags) ? "folders" : "any";
}

/** The names of a command's own commands, as one word list. */
function subcommands(command: CompletedCommand): string {
  return command.commands.map((one) => one.name()).join(" ");
}

function bash(program: CompletedCommand): string {
  const cases = program.commands.map((command) => {
    const options = visible(command);
    const values = options
      .filter(({ required }) => required)
      .map((option) => {
        const kinds = { files: "-f", folders: "-d", words: `-W "${option.argChoices?.join(" ")}"`, any: null };
        const kind = kinds[valueKind(option)];
        const reply = kind === null ? "" : `COMPREPLY=($(compgen ${kind} -- "$word")); `;
        return `        ${[option.long, option.short].filter(Boolean).join("|")}) ${reply}return ;;\n`;
      });
    const choice = values.length > 0 ? `      case $before in\n${values.join("")}      esac\n` : "";
    const names = options.map(({ long }) => long).join(" ");
    return `    ${command.name()})\n${choice}      options="${names}" words="${subcommands(command)}" ;;\n`;
  });
  return `# bash completion of llama-ts: eval "$(llama-ts completion bash)" in ~/.bashrc
_llama_ts() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} options words
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${subcommands(program)} --help --version" -- "$word"))
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join("")}  esac
  case $word in
    -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
    *) COMPREPLY=($(compgen -W "$words" -- "$word") $([ -n "$words" ] || compgen -f -- "$word")) ;;
  esac
}
complete -o filenames -F _llama_ts llama-ts
`;
}

function zsh(program: CompletedCommand): string {
  const quote = (text: string) => text.replaceAll("'", "'\\''").replaceAll(/[[\]:]/g, "\\$&");
  const cases = program.commands.map((command) => {
    const specs = visible(command).map((option) => {
      const kinds = {
        files: ":file:_files",
        folders: ":folder:_files -/",
        words: `:value:(${option.argChoices?.join(" ")})`,
        any: ":value:",
      };
      return `'${option.long}[${quote(option.description)}]${option.required ? kinds[valueKind(option)] : ""}'`;
    });
    const rest = command.commands.length > 0 ? `'1:command:(${subcommands(command)})'` : "'*:file:_files'";
    return `    ${command.name()}) _arguments ${[...specs, rest].join(" ")} ;;`;
  });
  const commands = program.commands.map((one) => `'${one.name()}:${quote(one.description())}'`);
  return `#compdef llama-ts
# zsh completion of llama-ts: a file _llama-ts in a folder of $fpath, or eval "$(llama-ts completion zsh)" after compinit
_llama_ts() {
  if (( CURRENT == 2 )); then
    local -a commands=(${commands.join(" ")})
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join("\n")}
  esac
}
if [ "$funcstack[1]" = _llama-ts ]; then _llama_ts "$@"; else compdef _llama_ts llama-ts; fi
`;
}

function fish(program: CompletedCommand): string {
  const quote = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const lines = program.commands.flatMap((command) => {
    const within = `complete -c llama-ts -n ${quote(`__fish_seen_subcommand_from ${command.name()}`)}`;
    const options = visible(command).map((option) => {
      const kinds = {
        files: "-rF",
        folders: "-xa '(__fish_complete_directories)'",
        words: `-xa ${quote(option.argChoices?.join(" ") ?? "")}`,
        any: "-x",
      };
      return `${within} -l ${option.long!.slice(2)} -d ${quote(option.description)}${option.required ? ` ${kinds[valueKind(option)]}` : ""}`;
    });
    const inner = command.commands.map((one) => `${within} -fa ${one.name()} -d ${quote(one.description())}`);
    return [
      `complete -c llama-ts -n __fish_use_subcommand -fa ${command.name()} -d ${quote(command.description())}`,
      ...options,
      ...inner,
    ];
  });
  return `# fish completion of llama-ts: llama-ts completion fish > ~/.config/fish/completions/llama-ts.fish\n${lines.join("\n")}\n`;
}
