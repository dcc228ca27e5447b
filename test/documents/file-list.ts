/** docs/files.md, made from the head sentences of the files of src. Run as a program it writes the file: `npm run docs`. */
import { writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT, roomOf, sourceFiles } from "../source-files.js";

export const FILE_LIST = join(ROOT, "docs/files.md");

const LINK = "docs/architecture.md";

/** The list as Markdown: a heading for each layer and room, a line for each file. */
export function fileList(): string {
  const files = sourceFiles();
  const lines = [
    "# The files of src",
    "",
    "Made from the first sentence of each file by `npm run docs`; a test holds that it is current.",
    `[${posix.basename(LINK)}](${posix.basename(LINK)}) says what the layers and rooms are for.`,
  ];
  let room = "";
  for (const { name, head } of files.sort((a, b) => compare(a.name, b.name))) {
    const folder = roomOf(name) === name ? posix.dirname(name) : roomOf(name);
    if (folder !== room) lines.push("", `## ${folder === "." ? "src" : folder}`, "");
    room = folder;
    lines.push(`- [\`${posix.basename(name)}\`](../src/${name}): ${firstSentence(head)}`);
  }
  return `${lines.join("\n")}\n`;
}

function firstSentence(head: string): string {
  return /^.*?[.!?](?= |$)/.exec(head)?.[0] ?? head;
}

/** In the order of the law, and the files of a folder before its rooms. */
function compare(a: string, b: string): number {
  const key = (name: string) => {
    const folder = posix.dirname(name);
    const layer = [
      "formats",
      "tokenizer",
      "model",
      "net",
      "engine",
      "generation",
      "evaluation",
      "server",
      "cli",
    ].indexOf(name.split("/")[0]!);
    return [layer + 1, folder, name] as const;
  };
  const [x, y] = [key(a), key(b)];
  return x[0] - y[0] || (x[1] < y[1] ? -1 : x[1] > y[1] ? 1 : x[2] < y[2] ? -1 : 1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(FILE_LIST, fileList());
