/** Reads the files of src: their texts, head comments and imports, for the tests of the structure and for docs/files.md. */
import { readdirSync, readFileSync } from "node:fs";
import { join, posix, sep } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SOURCE = join(ROOT, "src");

export interface SourceFile {
  /** Path within src: "engine/rank/kv-cache.ts". */
  name: string;
  text: string;
  /** The comment at the start of the file, as one line. */
  head: string;
  /** Imported packages and modules, as written. */
  packages: string[];
  /** Names of the imported files of src. */
  imports: string[];
}

/** All files of src, sorted by name. */
export function sourceFiles(): SourceFile[] {
  const names = readdirSync(SOURCE, { recursive: true, encoding: "utf8" })
    .filter((name) => /(?<!\.d)\.c?ts$/.test(name))
    .map((name) => name.split(sep).join("/"))
    .sort();
  return names.map((name) => {
    const text = readFileSync(join(SOURCE, name), "utf8");
    const paths = [...text.matchAll(/(?:\bfrom |^import |\bimport\(|\brequire\()"([^"]+)"\)?;?/gm)].map(
      ([, path]) => path!,
    );
    const [, comment = ""] = /^\/\*\*([\s\S]*?)\*\//.exec(text) ?? [];
    return {
      name,
      text,
      head: comment
        .replace(/^\s*\* ?/gm, "")
        .replace(/\s+/g, " ")
        .trim(),
      packages: paths.filter((path) => !path.startsWith(".")),
      imports: paths
        .filter((path) => path.startsWith("."))
        .map((path) => posix.join(posix.dirname(name), path).replace(/js$/, "ts")),
    };
  });
}

/** The folder of a file; for a file at the top of its layer, the file itself. */
export function roomOf(name: string): string {
  return name.split("/").length > 2 ? posix.dirname(name) : name;
}

/** Groups of nodes that can reach each other, by Tarjan's algorithm. */
export function circles(graph: ReadonlyMap<string, Iterable<string>>): string[][] {
  const found: string[][] = [];
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const visit = (node: string) => {
    index.set(node, index.size);
    low.set(node, index.get(node)!);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node)!, low.get(next)!));
    }
    if (low.get(node) !== index.get(node)) return;
    const group = stack.splice(stack.indexOf(node));
    if (group.length > 1) found.push(group.sort());
  };
  for (const node of graph.keys()) if (!index.has(node)) visit(node);
  return found;
}
