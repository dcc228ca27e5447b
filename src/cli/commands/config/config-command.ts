/** The command `config`: shows the options a command would run with, and where each value comes from. Does not know what they mean. */
import { Argument, type Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { SAMPLING_ROWS } from "../../../generation/sampling/option-table.js";
import { configPath } from "../../options/config-file.js";
import { examples } from "../../options/help.js";
import { applySettings, type SettingCommand, settable } from "../../options/settings.js";
import { applyTorchrunEnvironment } from "../../options/torchrun-env.js";
import { EXIT_OK } from "../../terminal/exit-code.js";
import { fitLines } from "../../terminal/fit-lines.js";
import { Output } from "../../terminal/output.js";

export function addConfig(program: Command, exit: (code: number) => void): void {
  const names = program.commands.map((command) => command.name());
  program
    .command("config")
    .description("Show the options a command would run with, and their sources.")
    .usage("[options] [command]")
    .addArgument(new Argument("[command]", "the command").choices(names).default("generate"))
    .option("--json", "print one JSON object")
    .helpOption("-h, --help", "print help")
    .addHelpText(
      "after",
      examples(
        "docs/settings.md",
        ["Show the options of generate", "llama-ts config"],
        [
          "Set an option by a variable, and show those of batch as JSON",
          "LLAMA_TS_DTYPE=int4 llama-ts config batch --json",
        ],
        [
          "Set an option in a settings file",
          'echo "top_k = 40" > my.config; LLAMA_TS_CONFIG=my.config llama-ts config',
        ],
      ),
    )
    .action(async (name, flags) => {
      const command = program.commands.find((one) => one.name() === name) as unknown as SettingCommand;
      applySettings(program as unknown as SettingCommand, command, process.env);
      applyTorchrunEnvironment(command as unknown as CommandUnknownOpts, process.env);
      const values = settingsOf(command);
      const path = configPath(process.env);
      const text = flags.json
        ? `${JSON.stringify({ command: name, file: path, options: values.map(({ otherwise: _, ...one }) => one) })}\n`
        : table(path, values);
      await new Output(process.stdout, () => {}).write(flags.json ? text : fitLines(text));
      exit(EXIT_OK);
    });
}

interface Shown {
  option: string;
  value: unknown;
  /** "default", a variable, or a line of the file. */
  source: string;
  /** What the help says of a default without a fixed value. */
  otherwise: string | null;
}

function settingsOf(command: SettingCommand): Shown[] {
  const options = settable(command).filter(({ hidden }) => !hidden);
  return options.map((option) => {
    const name = option.attributeName();
    const source = command.getOptionValueSource(name) ?? "default";
    const value: unknown = command.getOptionValue(name) ?? null;
    const show = value === null ? undefined : SAMPLING_ROWS.find((row) => row.name === name)?.kind.show;
    const [, otherwise = null] = value === null ? (/\(default: ([^()]*)\)$/.exec(option.description) ?? []) : [];
    return { option: name, value: show ? show(value) : value, source, otherwise };
  });
}

function table(path: string, values: readonly Shown[]): string {
  const cells = values.map(
    ({ option, value, source, otherwise }) =>
      [option, value === null ? "-" : String(value), otherwise === null ? source : `${source}: ${otherwise}`] as const,
  );
  const width = (column: 0 | 1) => Math.max(...cells.map((row) => row[column].length));
  const lines = cells.map(([a, b, c]) => `${a.padEnd(width(0))}  ${b.padEnd(width(1))}  ${c}\n`);
  return `# ${path === "" ? "no file" : path}\n${lines.join("")}`;
}
