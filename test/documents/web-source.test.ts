/** Checks the rules of the page's source: head comments, length, imports, and that no text becomes HTML or code. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, posix, sep } from "node:path";
import { test } from "node:test";
import { circles, ROOT } from "../source-files.js";

const MAX_LINES = 300;
/** What would make HTML or code of a text, or ask another host. */
const NEVER =
  /\b(inner|outer)HTML\b|dangerouslySetInnerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|\beval\(|new Function|srcdoc|["'`]https?:\/\/|["'`]\/\/\w|@import url|url\(/;

const folder = join(ROOT, "web");
const names = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .map((name) => name.split(sep).join("/"))
  .filter((name) => /\.(tsx?|js|css|html)$/.test(name));
const texts = new Map(names.map((name) => [name, readFileSync(join(folder, name), "utf8")]));

for (const [name, text] of texts) {
  test(`web/${name} follows the rules`, () => {
    if (!name.endsWith(".html")) assert.match(text, /^\/\*\*?\s/, "no head comment");
    assert.ok(text.split("\n").length - 1 <= MAX_LINES, `more than ${MAX_LINES} lines`);
    const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
    assert.doesNotMatch(code, NEVER);
  });
}

function importsOf(name: string): string[] {
  const paths = [...texts.get(name)!.matchAll(/(?:\bfrom |^import )"(\.[^"]+)"/gm)].map(([, path]) => path!);
  return paths.map((path) => {
    const target = posix.join(posix.dirname(name), path);
    return target.replace(/\.js$/, texts.has(target.replace(/js$/, "tsx")) ? ".tsx" : ".ts");
  });
}

test("files of the page do not import each other in a circle, types apart", () => {
  const sources = names.filter((name) => /^src\/.*\.tsx?$/.test(name));
  const graph = new Map(sources.map((name) => [name, importsOf(name).filter((target) => /\.tsx?$/.test(target))]));
  for (const targets of graph.values()) for (const target of targets) assert.ok(texts.has(target), target);
  assert.deepEqual(circles(graph), []);
});
