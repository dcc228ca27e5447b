/** Reads the files of the web page from the package, or from the folder of --web_dir. Does not serve them. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { LlamaError } from "../../../error.js";
import type { PageFile, PageFiles } from "../../../server/http/page-file.js";

const BUILT = fileURLToPath(new URL("../../../../web/", import.meta.url));
const INDEX = "index.html";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};
/** Endings of compressed files, with the content-encoding. */
const PACKED = { ".br": "br", ".gz": "gzip" };

/**
 * The files of the page, read once; those of a `folder`, for developing, at each visit. Null if the package has been built without
 * the page. Throws LlamaError (usage) for a folder without a page.
 */
export function pageFiles(folder: string | undefined): (() => PageFiles) | null {
  const where = `--web_dir ${folder}`;
  try {
    const files = readPage(folder ?? BUILT);
    if (!files.has(INDEX)) throw new Error(`no ${INDEX}`);
    return folder === undefined ? () => files : () => readPage(folder);
  } catch (cause) {
    if (folder === undefined) return null;
    const found = (cause as Error).message;
    throw new LlamaError("usage", "cannot be read", { where, expected: `a folder with ${INDEX}`, found, cause });
  }
}

function readPage(folder: string): PageFiles {
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
  const known = names.filter((name) => Object.hasOwn(TYPES, extname(name)));
  return new Map(known.map((name): [string, PageFile] => [name, readFile(folder, name, names)]));
}

function readFile(folder: string, name: string, names: readonly string[]): PageFile {
  const bytes = readFileSync(join(folder, name));
  const packed = Object.entries(PACKED)
    .filter(([ending]) => names.includes(name + ending))
    .map(([ending, encoding]) => [encoding, readFileSync(join(folder, name + ending))] as const);
  return {
    ...{ bytes, type: TYPES[extname(name)]!, packed: new Map(packed) },
    etag: `W/"${createHash("sha256").update(bytes).digest("base64url").slice(0, 27)}"`,
    isHashed: /-[A-Z0-9]{8}\.\w+$/.test(name),
  };
}
