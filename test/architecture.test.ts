/** Checks the rules of the source: layers, rooms, doors, and what every file must have. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { FILE_LIST, fileList } from "./documents/file-list.js";
import { circles, roomOf, sourceFiles } from "./source-files.js";

/** In the order of the data: a file may import from its own layer or an earlier one. */
const LAYERS = ["formats", "tokenizer", "model", "net", "engine", "generation", "evaluation", "server", "cli"];
/** The only files outside a room: the public file of a layer, and the files that start the program. */
const FACES = [
  ...["index.ts", "error.ts", "tokenizer/tokenizer.ts", "engine/engine.ts", "generation/llama.ts", "server/server.ts"],
  ...["cli/start.cts", "cli/main.ts", "cli/program.ts"],
];
const ROOM_SIZE = { least: 3, most: 16 };
const MAX_LINES = 300;

/** Packages and modules that only the matching files may import. */
const DOORS: Record<string, RegExp> = {
  "onnxruntime-node": /^engine\/stages\/onnx-session\.ts$/,
  hyparquet: /^evaluation\/data\/parquet(-check)?\.ts$/,
  "hyparquet/src/thrift.js": /^evaluation\/data\/parquet\.ts$/,
  // ranks, and the threads that measure how fast memory is read
  "node:worker_threads":
    /^(engine\/(host\/rank-group|machine\/process-mark|rank\/worker|measure\/bandwidth(-reader)?)|tokenizer\/loading\/encode-(thread|worker))\.ts$/,
  "sentencepiece-js": /^tokenizer\/kinds\/sentencepiece-tokenizer\.ts$/,
  "@huggingface/jinja": /^generation\/template\/(chat-template|globals|interpreter|values)\.ts$/,
  "@eslint-community/regexpp": /^generation\/form\/grammar\/regex\.ts$/,
  "oniguruma-to-es": /^tokenizer\/pipeline\/pattern\.ts$/,
  "@bufbuild/protobuf/wire": /^formats\/(protobuf\/(onnx-writer|protobuf-fields)|tokenizer\/sentencepiece-writer)\.ts$/,
  hono: /^server\/routes\/app\.ts$/,
  "@hono/node-server": /^server\/routes\/app\.ts$/,
  "@hono/node-server/utils/response": /^server\/routes\/app\.ts$/,
  "@nats-io/transport-node": /^net\/nats\//,
  "@nats-io/jetstream": /^net\/nats\//,
  "@nats-io/kv": /^net\/nats\//,
  typebox: /^server\/schema\//,
  "typebox/value": /^server\/schema\/read-request\.ts$/,
  commander: /^cli\//,
  "@commander-js/extra-typings": /^cli\//,
  ora: /^cli\//,
  "string-width": /^cli\//,
  chalk: /^cli\//,
  // the supervisor's child; taskset; the editor of the REPL; the server of a group of hosts
  "node:child_process":
    /^(cli\/(supervisor\/supervisor\.c|commands\/repl\/editor\.|net\/own-server\.)|engine\/machine\/cpu-bind\.)ts$/,
  // Outside the command line: test-fault reads the tests' environment variable, rank-group sets one for the runtime, worker
  // reads its memory usage, cache-folder and hub-cache find the user's cache folders, process-mark names this process,
  // sentencepiece-tokenizer removes a library's listeners.
  "node:process":
    /^(cli\/.*|engine\/(shared\/test-fault|host\/rank-group|machine\/process-mark|rank\/worker|weight-cache\/cache-folder)\.ts|model\/place\/hub-cache\.ts|tokenizer\/kinds\/sentencepiece-tokenizer\.ts)$/,
};

const files = sourceFiles();
const names = new Set(files.map(({ name }) => name));

test("the source is found", () => {
  assert.ok(files.length > 40, `${files.length} files`);
});

for (const { name, text, head, packages, imports } of files) {
  test(`${name} follows the rules`, () => {
    for (const path of packages) {
      const door = DOORS[path];
      if (door) assert.match(name, door, `${path} is imported outside its door`);
      else assert.ok(path.startsWith("node:"), `${path} has no door in this test`);
    }
    const layer = LAYERS.indexOf(name.split("/")[0]!);
    for (const target of imports) {
      assert.ok(names.has(target) || target.endsWith(".d.ts"), `${target} does not exist`);
      // index.ts is above all layers except the server and the command line, which use the library like other programs.
      const isFace = target === "index.ts" && /^(server|cli)\//.test(name);
      if (layer < 0 || target === "error.ts" || isFace) continue;
      const imported = LAYERS.indexOf(target.split("/")[0]!);
      assert.ok(imported >= 0 && imported <= layer, `${name} imports ${target}, a later layer`);
    }
    assert.ok(text.split("\n").length - 1 <= MAX_LINES, `more than ${MAX_LINES} lines`);
    assert.notEqual(head, "", "no head comment");
    if (!name.startsWith("cli/")) {
      const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
      assert.doesNotMatch(
        code,
        /\bconsole\.|\bprocess\.(?!removeListener|listeners|rawListeners)/,
        "terminal or process use",
      );
    }
    if (name.startsWith("server/")) {
      const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
      assert.doesNotMatch(code, /(?<![\w-])--[a-z]{2}/, "a flag in a message of the server");
    }
    assert.doesNotMatch(name, /(^|\/)(utils|helpers|common)\.ts$/);
  });
}

test("every file is in a room of 3 to 16 files; the folder of a command may have fewer", () => {
  const sizes = new Map<string, number>();
  for (const { name } of files) {
    const room = roomOf(name);
    if (room === name) assert.ok(FACES.includes(name), `${name} is outside a room`);
    else sizes.set(room, (sizes.get(room) ?? 0) + 1);
  }
  for (const [room, size] of sizes) {
    const least = room.startsWith("cli/commands/") ? 1 : ROOM_SIZE.least;
    assert.ok(size >= least && size <= ROOM_SIZE.most, `${room} has ${size} files`);
  }
});

test("neither files nor the rooms of a layer import each other in a circle", () => {
  const byFile = new Map(files.map(({ name, imports }) => [name, imports]));
  assert.deepEqual(circles(byFile), []);
  const byRoom = new Map<string, Set<string>>();
  for (const { name, imports } of files) {
    const room = roomOf(name);
    const targets = byRoom.get(room) ?? new Set();
    for (const target of imports) if (roomOf(target) !== room) targets.add(roomOf(target));
    byRoom.set(room, targets);
  }
  assert.deepEqual(circles(byRoom), []);
});

test("docs/files.md is current; `npm run docs` writes it", () => {
  assert.equal(readFileSync(FILE_LIST, "utf8"), fileList());
});
