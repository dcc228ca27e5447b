/**
 * Builds the page from web/ into dist/web: one script and one style sheet with hashed names, index.html and the icon, each also
 * compressed. Fails if the page grows beyond its budget. `--watch` builds again after each change.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build, context } from "esbuild";
import { lexerOnly } from "./lexer-only.js";
import { licensesOf } from "./licenses.js";

const FROM = fileURLToPath(new URL(".", import.meta.url));
const TO = fileURLToPath(new URL("../dist/web/", import.meta.url));
/** Bytes of all files together, compressed by gzip. */
const BUDGET = 60_000;
const ICON = "icon.svg";

const options = {
  absWorkingDir: FROM,
  entryPoints: { app: "src/main.tsx" },
  outdir: TO,
  entryNames: "[name]-[hash]",
  bundle: true,
  format: "esm",
  target: ["es2022", "chrome123", "firefox120", "safari17.5"],
  minify: true,
  legalComments: "none",
  jsx: "automatic",
  jsxImportSource: "preact",
  plugins: [lexerOnly],
  metafile: true,
  logLevel: "warning",
  write: false,
};

/** Writes what esbuild has made; returns the bytes of each file, compressed by gzip. */
function writePage(outputs) {
  rmSync(TO, { recursive: true, force: true });
  mkdirSync(TO, { recursive: true });
  const nameOf = (type) => basename(outputs.find(({ path }) => extname(path) === type).path);
  const index = readFileSync(join(FROM, "index.html"), "utf8");
  const files = new Map(outputs.map(({ path, contents }) => [basename(path), contents]));
  files.set("index.html", index.replace("{css}", `page/${nameOf(".css")}`).replace("{js}", `page/${nameOf(".js")}`));
  files.set(ICON, readFileSync(join(FROM, ICON)));
  const sizes = {};
  for (const [name, contents] of files) {
    const bytes = Buffer.from(contents);
    const gzip = gzipSync(bytes, { level: 9 });
    writeFileSync(join(TO, name), bytes);
    writeFileSync(join(TO, `${name}.gz`), gzip);
    const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
    writeFileSync(join(TO, `${name}.br`), brotliCompressSync(bytes, { params }));
    sizes[name] = gzip.length;
  }
  return sizes;
}

/** Writes the page and says how large it is; throws if it is too large. */
function finish({ outputFiles, metafile }) {
  const sizes = writePage(outputFiles);
  // It is in the package; the page does not load it.
  writeFileSync(join(TO, "licenses.txt"), licensesOf(Object.keys(metafile.inputs), FROM));
  const total = Object.values(sizes).reduce((sum, size) => sum + size, 0);
  process.stdout.write(`dist/web: ${readdirSync(TO).length} files, ${total} bytes by gzip (budget ${BUDGET})\n`);
  if (total > BUDGET) throw new Error(`The page is too large: ${JSON.stringify(sizes)}`);
}

if (process.argv.includes("--watch")) {
  const onEnd = (result) => result.errors.length === 0 && finish(result);
  const plugins = [lexerOnly, { name: "write", setup: ({ onEnd: listen }) => void listen(onEnd) }];
  await (await context({ ...options, plugins })).watch();
} else finish(await build(options));
