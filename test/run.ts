/** Runs the test files, two at a time: `npm test`, or `node dist/test/run.js FILE...` for some of them. Node 20.3 has no flag for it. */
import { readdirSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, resolve } from "node:path";
import { run } from "node:test";
import { spec, tap } from "node:test/reporters";
import { fileURLToPath } from "node:url";

const FOLDER = dirname(fileURLToPath(import.meta.url));

/** Largest source first: a long file that starts last would run alone at the end. */
function allFiles(): string[] {
  const names = readdirSync(FOLDER, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".test.js"));
  const files = names.map((name) => ({ path: join(FOLDER, name), size: statSync(join(FOLDER, name)).size }));
  return files.sort((a, b) => b.size - a.size).map(({ path }) => path);
}

const [, , ...chosen] = process.argv;
const files = chosen.length > 0 ? chosen.map((file) => resolve(file)) : allFiles();
// More than two would make the tests that measure times fail on a small machine.
const tests = run({ files, concurrency: Math.min(2, availableParallelism()) });
tests.on("test:fail", ({ todo }) => {
  if (todo === undefined) process.exitCode = 1;
});
if (process.stdout.isTTY) tests.compose(new spec()).pipe(process.stdout);
else tests.compose(tap).pipe(process.stdout);
