/** The files, pages and headings that the documents name exist. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, test } from "node:test";
import { ROOT } from "./blocks.js";

const DOCS = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md") && name !== "files.md");
const DOCUMENTS = ["README.md", "models/demo/README.md", "bench/peer/README.md", ...DOCS.map((name) => `docs/${name}`)];

const withoutBlocks = (text: string) => text.replace(/^```.*?^```$/gms, "");
const read = (file: string) => withoutBlocks(readFileSync(join(ROOT, file), "utf8"));

/** Files of TypeScript in backticks, whole paths, and scripts of bench. */
function namedFiles(text: string): string[] {
  const spans = [...text.matchAll(/`([^`\n]+)`/g)].map(([, span]) => span!);
  return spans.flatMap((span) => span.match(/^[\w./-]+\.c?ts$|\bbench\/[\w/-]+\.js\b/) ?? []);
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchors(text: string): string[] {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) => title!);
  return headings.map((title) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

describe("what the documents name", () => {
  for (const file of DOCUMENTS) {
    test(`${file}: every file in backticks exists, below src or the project`, () => {
      const missing = namedFiles(read(file)).filter(
        (path) => !existsSync(join(ROOT, "src", path)) && !existsSync(join(ROOT, path)),
      );
      assert.deepEqual(missing, []);
    });

    test(`${file}: every link leads to a file and a heading`, () => {
      const text = read(file);
      const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
      const broken = links.filter((link) => {
        if (/^https?:/.test(link)) return false;
        const [path, anchor] = link.split("#");
        const target = path === "" ? file : relative(ROOT, join(ROOT, dirname(file), path!));
        if (!existsSync(join(ROOT, target))) return true;
        return anchor !== undefined && !anchors(read(target)).includes(anchor);
      });
      assert.deepEqual(broken, []);
    });
  }
});
