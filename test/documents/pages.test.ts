/** The pages fit together: README.md leads to every page; docs/architecture.md names every room; the files that the glossary names exist. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { test } from "node:test";
import { ROOT, roomOf, sourceFiles } from "../source-files.js";

const PAGES = [
  ...["README.md", "CONTRIBUTING.md", "models/demo/README.md", "bench/peer/README.md"],
  ...readdirSync(join(ROOT, "docs")).flatMap((name) => (name.endsWith(".md") ? [`docs/${name}`] : [])),
];
const MAX_README_LINES = 250;

const read = (name: string) => readFileSync(join(ROOT, name), "utf8");
const prose = (page: string) => read(page).replace(/^```[\s\S]*?^```/gm, "");

/** The files to which the links of a page lead. */
function targetsOf(page: string): string[] {
  const links = [...prose(page).matchAll(/\]\(([^)\s#]+)/g)].map(([, link]) => link!);
  return links.filter((link) => !/^https?:/.test(link)).map((link) => posix.join(posix.dirname(page), link));
}

test("every file that the glossary and CONTRIBUTING.md name exists", () => {
  for (const page of ["docs/glossary.md", "CONTRIBUTING.md"]) {
    const named = [...prose(page).matchAll(/`([\w./-]+\/[\w.-]+\.c?[tj]s)`/g)].map(([, path]) => path!);
    const files = named.filter((path) => !path.includes("NAME"));
    assert.ok(files.length > 15, `${files.length} files`);
    for (const path of files)
      assert.ok(
        [path, `src/${path}`].some((name) => existsSync(join(ROOT, name))),
        path,
      );
  }
});

test("docs/architecture.md has a line for every room and for no other folder", () => {
  const rooms = sourceFiles().flatMap(({ name }) => {
    const room = roomOf(name);
    return room === name ? [] : [room.replace(/^cli\/commands\/.*/, "cli/commands")];
  });
  const listed = [...read("docs/architecture.md").matchAll(/\]\(\.\.\/src\/([^).]+)\)/g)].map(([, room]) => room!);
  assert.deepEqual(listed.sort(), [...new Set(rooms)].sort());
});

test("links lead from README.md to every page", () => {
  const reached = new Set(["README.md"]);
  for (const page of reached) for (const target of targetsOf(page)) if (target.endsWith(".md")) reached.add(target);
  const lost = PAGES.filter((page) => !reached.has(page));
  assert.deepEqual(lost, []);
});

test(`README.md has at most ${MAX_README_LINES} lines`, () => {
  assert.ok(read("README.md").split("\n").length - 1 <= MAX_README_LINES);
});
