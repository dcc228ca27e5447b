/** Breaks the lines of a help or a report between words, so that they fit the terminal. Does not know what they say. */
import { stripVTControlCharacters } from "node:util";

/** A text beside its label that has less space than this begins below the label. */
const LEAST_TEXT = 20;

/** The columns of the terminal that shows a stream; Infinity for a file, a pipe or a terminal that reports none. */
export function terminalColumns({ isTTY, columns }: { isTTY?: boolean; columns: number } = process.stdout): number {
  return isTTY && columns > 0 ? columns : Number.POSITIVE_INFINITY;
}

/** Characters of a text without codes for colours. */
export function textWidth(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}

/** `text` with each longer line divided between words; what has no space in it stays whole. */
export function fitLines(text: string, columns = terminalColumns()): string {
  if (columns === Number.POSITIVE_INFINITY) return text;
  return text
    .split("\n")
    .map((line) => (textWidth(line) <= columns ? line : fitLine(line, columns)))
    .join("\n");
}

/** "  --option <x>  text" continues below its text; "    $ command" with the backslash of a shell; others below their indent. */
function fitLine(line: string, columns: number): string {
  const indent = /^ */.exec(line)![0];
  const rest = line.slice(indent.length);
  if (rest.startsWith("$ ")) {
    // In quotes a backslash would not join the lines again.
    const words = rest.match(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)!;
    return wrapped(words, indent, `${indent}    `, columns - 2).join(" \\\n");
  }
  const [, label, text] = /^(.*?\S {2,})(\S.*)$/.exec(rest) ?? [];
  if (label === undefined || text === undefined) {
    return wrapped(wordsOf(rest), indent, indent === "" ? "" : `${indent}  `, columns).join("\n");
  }
  const column = indent.length + textWidth(label);
  const longest = Math.max(...text.split(" ").map(textWidth));
  if (columns - column >= Math.max(LEAST_TEXT, longest)) {
    return wrapped(wordsOf(text), indent + label, " ".repeat(column), columns).join("\n");
  }
  const below = `${indent}    `;
  return [`${indent}${label.trimEnd()}`, ...wrapped(wordsOf(text), below, below, columns)].join("\n");
}

/** Several spaces between cells stay with the word before them. */
function wordsOf(text: string): string[] {
  return text.split(/ (?=\S)/);
}

/** Lines of words, the first after `first`, the others after `next`. */
function wrapped(words: readonly string[], first: string, next: string, columns: number): string[] {
  const lines: string[] = [];
  let line = first + words[0]!;
  for (const word of words.slice(1)) {
    if (textWidth(line) + 1 + textWidth(word.trimEnd()) <= columns) line += ` ${word}`;
    else {
      lines.push(line.trimEnd());
      line = next + word;
    }
  }
  return [...lines, line.trimEnd()];
}
