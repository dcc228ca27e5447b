/** The tables of options in docs name options that are there, with their defaults; that of generate names them all. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { llama } from "../cli/cli-process.js";
import { ROOT } from "./blocks.js";

interface Row {
  options: string[];
  default: string | null;
}

/** The commands whose pages have tables of options. */
const COMMANDS = ["repl", "generate", "batch", "bench", "eval"];
/** Pages with another name than their command. */
const PAGE: Readonly<Record<string, string>> = { eval: "evaluation" };
/** Defaults that words tell, as a number of the model or the machine. */
const IN_WORDS =
  /^(the demo model|in the folder.*|the model's, else 2048|random|stdout|all|half of .*|table, else CSV|cores \/ ranks)$/;

/** The rows of tables of options; a table of commands has no options in its first column. */
function rowsOf(command: string): Row[] {
  const page = readFileSync(join(ROOT, `docs/${PAGE[command] ?? command}.md`), "utf8");
  const tables = page.split("\n\n").filter((part) => /^\| option +\| default +\|/.test(part));
  assert.ok(tables.length > 0, command);
  return tables.flatMap((table) =>
    table
      .split("\n")
      .slice(2)
      .map((line) => line.split("|").map((cell) => cell.trim()))
      .map(([, names, value]) => ({
        options: [...names!.matchAll(/(?<![\w-])(--?[a-z]\w*)/g)].map(([, name]) => name!),
        default: value === "" ? null : value!.replaceAll("`", ""),
      })),
  );
}

async function helpOf(command: string): Promise<string[]> {
  const { stdout } = await llama(["help", command]);
  return [...stdout.matchAll(/^ {2}(?:(-\w), )?(--\w+)/gm)].flatMap(([, short, long]) =>
    short ? [short, long!] : [long!],
  );
}

describe("the tables of options in docs", { concurrency: 2 }, () => {
  for (const command of COMMANDS) {
    test(command, async () => {
      const rows = rowsOf(command);
      const help = new Set(await helpOf(command));
      const { stdout } = await llama(["config", command, "--json"]);
      const defaults = new Map<string, unknown>();
      for (const { option, value } of JSON.parse(stdout).options) defaults.set(`--${option}`, value);
      for (const { options, default: shown } of rows) {
        for (const name of options) assert.ok(help.has(name), `${name} is an option of ${command}`);
        if (shown === null || IN_WORDS.test(shown)) continue;
        const long = options.filter((name) => name.startsWith("--"));
        // Several in a row have one default, or one each.
        const values = shown.split(", ");
        for (const [i, name] of long.entries()) assert.equal(String(defaults.get(name)), values[i] ?? values[0], name);
      }
      if (command !== "generate") return;
      const named = new Set(rows.flatMap(({ options }) => options));
      // The table of torchrun's options has the short names alone.
      const unnamed = [...help].filter(
        (name) => !named.has(name) && !["-V", "-h", "--redirects", "--tee"].includes(name),
      );
      assert.deepEqual(unnamed, []);
    });
  }
});
