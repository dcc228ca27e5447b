/** What the documents show: their fenced blocks, and the commands in them with what each is said to print. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

export interface Block {
  /** "README.md:41" */
  place: string;
  /** "console", "js", ... or nothing. */
  language: string;
  text: string;
}

/** A line after "$ ", and the lines below it. */
export interface Example {
  command: string;
  shown: string;
}

export function blocksOf(file: string): Block[] {
  const blocks: Block[] = [];
  let open: (Block & { lines: string[] }) | null = null;
  for (const [i, line] of readFileSync(join(ROOT, file), "utf8").split("\n").entries()) {
    const fence = /^```(\w*)$/.exec(line);
    if (fence === null) open?.lines.push(line);
    else if (open === null) open = { place: `${file}:${i + 1}`, language: fence[1]!, text: "", lines: [] };
    else {
      const { lines, ...block } = open;
      blocks.push({ ...block, text: lines.map((text) => `${text}\n`).join("") });
      open = null;
    }
  }
  return blocks;
}

export function examplesOf({ text }: Block): Example[] {
  const [before, ...parts] = text.split(/^\$ /m);
  if (before !== "") throw new Error(`a block begins without a command: ${text}`);
  return parts.map((part) => {
    const end = part.indexOf("\n");
    return { command: part.slice(0, end), shown: part.slice(end + 1) };
  });
}
