/** Help, tables and reports on terminals of 40, 60 and 80 columns: no word crosses the edge. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fitLines } from "../../src/cli/terminal/fit-lines.js";
import { type Column, tableText } from "../../src/cli/terminal/table.js";
import { BIN, DEMO } from "./cli-process.js";
import { Terminal, withoutTerminal } from "./terminal-process.js";

interface Row {
  name: string;
  size: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: "name of it", isText: true, cell: ({ name }) => name },
  { title: "size of it", cell: ({ size }) => size },
];
const ROWS: readonly Row[] = [
  { name: "a, b, c", size: "5.07 MB" },
  { name: "long_names_are_divided", size: "12 MB" },
];

test("a table that is too wide gets cells of several lines, and then becomes lists", () => {
  const wide = tableText(COLUMNS, ROWS, 80);
  assert.equal(
    wide,
    "name of it              size of it\na, b, c                    5.07 MB\nlong_names_are_divided       12 MB\n",
  );
  assert.equal(tableText(COLUMNS, ROWS), wide, "as it is, where no terminal reads it");
  assert.equal(
    tableText(COLUMNS, ROWS, 23),
    "name of it   size of it\na, b, c         5.07 MB\nlong_names_       12 MB\nare_divided\n",
  );
  assert.equal(
    tableText(COLUMNS, ROWS, 12),
    "name of it  a, b, c\nsize of it  5.07 MB\n\nname of it  long_names_are_divided\nsize of it  12 MB\n",
  );
});

test("long lines continue below their text, and commands can be pasted", () => {
  const text = "  --an_option <x>  what it does, in several words\n    $ llama-ts 'a b c' | more of the line\n\nshort";
  assert.equal(fitLines(text, 80), text);
  assert.equal(
    fitLines(text, 40),
    "  --an_option <x>  what it does, in\n                   several words\n    $ llama-ts 'a b c' | more of the \\\n        line\n\nshort",
  );
  assert.equal(
    fitLines(text, 24),
    "  --an_option <x>\n      what it does, in\n      several words\n    $ llama-ts 'a b c' \\\n        | more of the \\\n        line\n\nshort",
  );
  assert.equal(fitLines("    a_word_without_spaces", 10), "    a_word_without_spaces");
});

/** One terminal runs them all; what has no space in it, such as a path, may cross the edge. */
const LINES = ["--help", "completion --help", "eval list", `inspect "${DEMO}"`];

describe("a narrow terminal", { skip: withoutTerminal, concurrency: 3 }, () => {
  for (const columns of [40, 60, 80]) {
    test(`of ${columns} columns`, async () => {
      const runs = LINES.map((line) => `"${process.execPath}" "${BIN}" ${line}`);
      const terminal = new Terminal({ command: `stty cols ${columns}` }, {}, `${runs.join("; ")}; true`);
      await terminal.exit();
      const lines = terminal.text.split("\n").slice(1);
      assert.ok(lines.length > 100);
      const isWhole = (line: string) =>
        !/\S +\S/.test(
          line
            .replace(/'[^']*'/, "")
            .replace("\\", "")
            .trim(),
        );
      for (const line of lines) assert.ok(line.length <= columns || isWhole(line), line);
    });
  }
});
