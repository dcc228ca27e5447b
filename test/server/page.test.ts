/** The page's files over HTTP: types, caching, compression, policy, and who may load them. What the page does is tested in test/page. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type IncomingHttpHeaders, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { llama } from "../cli/cli-process.js";
import { ROOT } from "../source-files.js";
import { startServer } from "./server-process.js";

const BUILT = join(ROOT, "dist/web");
const names = readdirSync(BUILT).filter((name) => !/\.(br|gz)$/.test(name));
const script = names.find((name) => name.endsWith(".js"))!;
const style = names.find((name) => name.endsWith(".css"))!;
const folder = mkdtempSync(join(tmpdir(), "llama-ts-page-"));
after(() => rmSync(folder, { recursive: true }));
const key = "a key";
const server = await startServer([], { env: { LLAMA_TS_API_KEY: key }, isReady: false, key });

function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${server.url}${path}`, { headers });
}

/** With headers that fetch keeps for itself, and the bytes as they come. */
function getRaw(path: string, headers: Record<string, string>) {
  return new Promise<{ status: number; headers: IncomingHttpHeaders; bytes: Buffer }>((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port: server.port, path, headers }, async (response) => {
      const parts: Buffer[] = [];
      for await (const part of response) parts.push(part);
      resolve({ status: response.statusCode!, headers: response.headers, bytes: Buffer.concat(parts) });
    });
    asked.on("error", reject).end();
  });
}

describe("the page's files", { concurrency: false }, () => {
  test("the page is there at once, without a key and before there is a model, with its policy", async () => {
    const response = await get("/");
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
    assert.equal(response.headers.get("cache-control"), "no-cache");
    const policy = response.headers.get("content-security-policy")!;
    for (const part of ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "trusted-types 'none'"]) {
      assert.ok(policy.split("; ").includes(part), policy);
    }
    assert.doesNotMatch(policy, /unsafe|\*|https?:/);
    assert.equal(response.headers.get("referrer-policy"), "no-referrer");
    assert.equal(response.headers.get("cross-origin-opener-policy"), "same-origin");
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    const text = await response.text();
    assert.ok(text.includes(`src="page/${script}"`) && text.includes(`href="page/${style}"`), text);
    assert.doesNotMatch(text, /https?:|<script>| on\w+=| style=/);
  });

  test("a page that is known is not sent again", async () => {
    const etag = (await get("/")).headers.get("etag")!;
    const again = await get("/", { "if-none-match": `"other", ${etag}` });
    assert.deepEqual([again.status, await again.text()], [304, ""]);
    assert.equal((await get("/", { "if-none-match": '"other"' })).status, 200);
  });

  test("files whose names change with their content are kept for a year; their types are known", async () => {
    for (const [name, type] of [
      [script, "text/javascript; charset=utf-8"],
      [style, "text/css; charset=utf-8"],
    ] as const) {
      const { headers } = await get(`/page/${name}`);
      assert.equal(headers.get("content-type"), type);
      assert.equal(headers.get("cache-control"), "public, max-age=31536000, immutable");
    }
    assert.equal((await get("/icon.svg")).headers.get("content-type"), "image/svg+xml");
  });

  test("files are sent as the browser takes them: br, gzip or plain", async () => {
    const plain = readFileSync(join(BUILT, script), "utf8");
    for (const [accept, encoding, unpack] of [
      ["gzip, deflate, br", "br", brotliDecompressSync],
      ["br;q=0, gzip", "gzip", gunzipSync],
      ["identity", undefined, (bytes: Buffer) => bytes],
      ["brotli, x-gzip", undefined, (bytes: Buffer) => bytes],
    ] as const) {
      const { headers, bytes } = await getRaw(`/page/${script}`, { "accept-encoding": accept });
      assert.deepEqual([headers["content-encoding"], headers.vary], [encoding, "accept-encoding"], accept);
      assert.equal(unpack(bytes).toString(), plain);
    }
  });

  test("no other file is reached, whatever the path", async () => {
    for (const name of ["..%2f..%2fpackage.json", "../package.json", `${script}.br`, "constructor", "%00", ""]) {
      const response = await get(`/page/${name}`, { authorization: `Bearer ${key}` });
      assert.equal(response.status, 404, name);
      assert.equal(((await response.json()) as { error: { code: string } }).error.code.length > 0, true);
    }
    const post = await fetch(`${server.url}/`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}` },
    });
    assert.deepEqual([post.status, post.headers.get("allow")], [405, "HEAD, GET"]);
    assert.equal((await fetch(`${server.url}/`, { method: "HEAD" })).status, 200);
  });

  test("a link of another site opens the page; it loads nothing else from there", async () => {
    const visit = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
    const status = async (path: string, headers: Record<string, string>) => (await getRaw(path, headers)).status;
    assert.equal(await status("/", visit), 200);
    assert.equal(await status("/", { ...visit, "sec-fetch-mode": "no-cors" }), 403);
    assert.equal(await status("/", { ...visit, origin: "https://other.example" }), 403);
    assert.equal(await status("/v1/models", visit), 403);
    assert.equal(await status("/", { host: "rebound.example" }), 403);
  });

  test("the page is in no list of routes for programs", async () => {
    const { body } = await server.json("/openapi.json");
    assert.equal(Object.keys(body.paths).includes("/"), false);
  });
});

test("--web_dir serves a folder as it is at each visit; --no_web nothing", async () => {
  writeFileSync(join(folder, "index.html"), "one");
  writeFileSync(join(folder, "secret.txt"), "not of a known type");
  const [own, none] = await Promise.all([
    startServer(["--web_dir", folder], { isReady: false }),
    startServer(["--no_web"], { isReady: false }),
  ]);
  const text = async () => (await fetch(`${own.url}/`)).text();
  assert.equal(await text(), "one");
  writeFileSync(join(folder, "index.html"), "two");
  assert.equal(await text(), "two");
  assert.equal((await fetch(`${own.url}/page/secret.txt`)).status, 404);
  assert.equal((await fetch(`${none.url}/`)).status, 404);
  assert.match(own.stderr(), /^Open http:\S+ in a browser/m);
  assert.doesNotMatch(none.stderr(), /browser/);
});

test("--web_dir without a page is refused", async () => {
  const empty = mkdtempSync(join(folder, "empty-"));
  const { code, stderr } = await llama(["serve", "--web_dir", empty, "--port", "0"]);
  assert.equal(code, 2);
  assert.match(stderr, /--web_dir \S+: cannot be read; expected a folder with index\.html/);
});
