import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix, relative, sep } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const source = join(root, "src");

/** Folder order is data order: a file imports its own layer or an earlier one. */
const LAYERS = ["formats", "model", "engine", "generation", "cli"];
const MAX_LINES = 300;

/** Packages and modules that only the named files may import. */
const DOORS: Record<string, RegExp> = {
  "onnxruntime-node": /^engine\/session\.ts$/,
  // ranks, and the threads that measure how fast memory is read
  "node:worker_threads": /^engine\/(rank-(group|worker)|bandwidth(-reader)?)\.ts$/,
  "sentencepiece-js": /^generation\/sentencepiece-tokenizer\.ts$/,
  "@huggingface/tokenizers": /^generation\/hugging-face-tokenizer\.ts$/,
  "@bufbuild/protobuf/wire": /^formats\/(onnx|protobuf-fields)\.ts$/,
  commander: /^cli\//,
  "@commander-js/extra-typings": /^cli\//,
  ora: /^cli\//,
  chalk: /^cli\//,
  // the supervisor's child; taskset; the editor of the dialogue
  "node:child_process": /^(cli\/(supervisor\/supervisor\.c|repl\/editor\.)|engine\/cpu-bind\.)ts$/,
  // fault reads the variable of tests, rank-group sets one for the runtime, rank-worker asks for its memory, weight-cache finds the user's cache folder, sentencepiece-tokenizer removes listeners
  // that a library leaves behind
  "node:process":
    /^(cli\/.*|engine\/(fault|rank-group|rank-worker|weight-cache)\.ts|generation\/sentencepiece-tokenizer\.ts)$/,
};

interface SourceFile {
  name: string;
  text: string;
  imports: string[];
}

const files = readdirSync(source, { recursive: true, encoding: "utf8" })
  .filter((name) => /(?<!\.d)\.c?ts$/.test(name))
  .map((name): SourceFile => {
    const text = readFileSync(join(source, name), "utf8");
    const imports = [...text.matchAll(/(?:\bfrom |^import |\bimport\()"([^"]+)"\)?;?/gm)].map((match) => match[1]!);
    return { name: name.split(sep).join("/"), text, imports };
  });

test("the source is found", () => {
  assert.ok(files.length > 40, `${files.length} files`);
});

for (const { name, text, imports } of files) {
  test(`${name} keeps the law`, () => {
    const layer = LAYERS.indexOf(name.split("/")[0]!);
    for (const path of imports) {
      const door = DOORS[path];
      if (door) assert.match(name, door, `${path} is imported outside its door`);
      if (!path.startsWith(".")) {
        assert.ok(door || path.startsWith("node:"), `${path} has no door in this test`);
        continue;
      }
      const target = posix.normalize(posix.join(dirname(name), path));
      // The library's face stands above all layers but the command line, which uses it as others do.
      if (layer < 0 || target === "error.js" || (target === "index.js" && name.startsWith("cli/"))) continue;
      const imported = LAYERS.indexOf(target.split("/")[0]!);
      assert.ok(imported >= 0 && imported <= layer, `${name} imports ${target}, a later layer`);
    }
    assert.ok(text.split("\n").length - 1 <= MAX_LINES, `more than ${MAX_LINES} lines`);
    assert.match(text, /^\/\*\*/, "no head sentence");
    if (!name.startsWith("cli/")) {
      const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
      assert.doesNotMatch(
        code,
        /\bconsole\.|\bprocess\.(?!removeListener|listeners|rawListeners)/,
        "terminal or process use",
      );
    }
    assert.doesNotMatch(name, /(^|\/)(utils|helpers|common)\.ts$/);
  });
}

test("every file of src stands in the README's tree", () => {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const absent = files.map(({ name }) => name.split("/").at(-1)!).filter((name) => !readme.includes(name));
  assert.deepEqual(absent, [], relative(root, join(root, "README.md")));
});
