/** Who may ask a server: Host, Origin and keys, and what a command line without them may not do. */
import assert from "node:assert/strict";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { llama, temporaryFolder } from "../cli/cli-process.js";
import { rawClient, rawRequest } from "./raw-client.js";
import { startServer, untilCounts } from "./server-process.js";

const folder = temporaryFolder();
const file = join(folder, "keys");
writeFileSync(file, "# for the tests\nfirst\n\nsecond\n", { mode: 0o600 });
const args = ["--log_format", "none", "--nproc_per_node", "1"];
const [open, locked] = await Promise.all([
  startServer([...args, "--allowed_host", "models.example", "--cors_origin", "https://page.example"]),
  startServer([...args, "--api_key_file", file, "--metrics_public"], { key: "second" }),
]);

async function statusOf(headers: readonly string[], path = "/v1/models", port = open.port): Promise<string> {
  const client = rawClient(port, rawRequest(path, undefined, headers));
  await client.until(/^HTTP\/1\.1 \d+[\s\S]*\r\n\r\n[\s\S]*\}/);
  client.socket.destroy();
  const [, status] = /^HTTP\/1\.1 (\d+)/.exec(client.received())!;
  const [, code = ""] = /"code":"(\w+)"/.exec(client.received()) ?? [];
  return `${status} ${code}`.trim();
}

test("a request names this server in one Host header", async () => {
  const { port } = open;
  for (const host of [
    "localhost",
    `localhost:${port}`,
    `127.0.0.1:${port}`,
    "[::1]",
    "a.localhost",
    "models.example",
  ]) {
    assert.equal(await statusOf([`Host: ${host}`]), "200", host);
  }
  for (const host of ["evil.example", "localhost.evil.example", "localhost:1", "127.0.0.1.evil.example"]) {
    assert.equal(await statusOf([`Host: ${host}`]), "403 host_not_allowed", host);
  }
  for (const headers of [[], ["Host:"], ["Host: localhost", "Host: evil.example"], ["Host: a b"]]) {
    assert.match(await statusOf(headers), /^400/, headers.join());
  }
});

test("pages of other sites are refused, but for those that --cors_origin names", async () => {
  const host = "Host: localhost";
  for (const origin of ["https://evil.example", "null", "http://localhost:1"]) {
    assert.equal(await statusOf([host, `Origin: ${origin}`]), "403 origin_not_allowed", origin);
  }
  assert.equal(await statusOf([host, "Sec-Fetch-Site: cross-site"]), "403 origin_not_allowed");
  assert.equal(await statusOf([host, "Origin: http://localhost"]), "200");
  const preflight = await fetch(`${open.url}/v1/completions`, {
    method: "OPTIONS",
    headers: { origin: "https://page.example", "access-control-request-method": "POST" },
  });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get("access-control-allow-origin"), "https://page.example");
  assert.equal(preflight.headers.get("access-control-allow-credentials"), null);
  const foreign = await fetch(`${open.url}/v1/completions`, {
    method: "OPTIONS",
    headers: { origin: "https://evil.example", "access-control-request-method": "POST" },
  });
  assert.equal(foreign.status, 403);
});

test("with keys, every route but health needs one of them", async () => {
  assert.equal((await locked.json("/v1/models")).status, 200);
  assert.equal((await locked.json("/v1/models", undefined, { authorization: "bearer first" })).status, 200);
  assert.equal((await locked.json("/v1/models", undefined, { authorization: "", "x-api-key": "first" })).status, 200);
  for (const key of ["Bearer third", "Bearer ", "first", "Basic first", "Bearer # for the tests"]) {
    const { status, body } = await locked.json("/v1/models", undefined, { authorization: key });
    assert.deepEqual([status, body.error.code], [401, "invalid_api_key"], key);
  }
  const none = { authorization: "" };
  assert.equal((await locked.json("/nothing", undefined, none)).status, 401);
  assert.equal((await locked.json("/health", undefined, none)).status, 200);
  assert.equal((await fetch(`${locked.url}/metrics`)).status, 200);
});

test("a prompt of one key is not found in the KV cache by another, nor with another cache_salt", async () => {
  const prompt = "Once upon a time there was a big red ball in the park, and a dog";
  const cached = async (key: string, more: object = {}) => {
    const headers = { authorization: `Bearer ${key}` };
    const { body } = await locked.json("/v1/completions", { prompt, max_tokens: 1, ...more }, headers);
    return body.usage.prompt_tokens_details.cached_tokens as number;
  };
  assert.equal(await cached("first"), 0);
  assert.equal(await cached("second"), 0);
  assert.ok((await cached("first")) > 0);
  assert.equal(await cached("first", { cache_salt: "mine" }), 0);
  assert.ok((await cached("first", { cache_salt: "mine" })) > 0);
  assert.equal(await cached("first", { cache_prompt: false }), 0);
});

test("waiting requests are taken in turn by key", async () => {
  const keys = { env: { LLAMA_TS_API_KEY: "third" }, key: "third" };
  const one = await startServer([...args, "--api_key_file", file, "--concurrency", "1"], keys);
  const done: string[] = [];
  const ask = async (key: string, name: string) => {
    const headers = { authorization: `Bearer ${key}` };
    await one.json("/v1/completions", { prompt: "Once", max_tokens: 200, ignore_eos: true }, headers);
    done.push(name);
  };
  const asked = [ask("first", "a0")];
  await untilCounts(one, ({ running }) => running > 0);
  for (const [i, name] of ["a1", "a2", "a3", "a4"].entries()) {
    asked.push(ask("first", name));
    await untilCounts(one, ({ waiting }) => waiting > i);
  }
  asked.push(ask("second", "b1"));
  await untilCounts(one, ({ waiting }) => waiting > 4);
  await Promise.all(asked);
  assert.ok(done.indexOf("b1") < done.indexOf("a3"), done.join());
  assert.deepEqual(
    done.filter((name) => name.startsWith("a")),
    ["a0", "a1", "a2", "a3", "a4"],
  );
});

test("missing routes and wrong methods are said, with what there is", async () => {
  const embeddings = await open.json("/v1/embeddings", {});
  assert.deepEqual([embeddings.status, embeddings.body.error.code], [404, "unsupported_endpoint"]);
  assert.equal((await open.json("/nothing")).body.error.code, "not_found");
  const response = await fetch(`${open.url}/v1/completions`);
  assert.deepEqual([response.status, response.headers.get("allow")], [405, "POST"]);
  await response.text();
  const head = await fetch(`${open.url}/health`, { method: "HEAD" });
  assert.deepEqual([head.status, await head.text()], [200, ""]);
});

test("with a certificate the server speaks HTTPS", async () => {
  const pem = (name: string) => fileURLToPath(new URL(`../../../test/fixtures/tls/${name}.pem`, import.meta.url));
  const secure = await startServer([...args, "--tls_cert", pem("cert"), "--tls_key", pem("key")]);
  assert.match(secure.url, /^https:/);
  const status = await new Promise((resolve, reject) => {
    const options = {
      ca: readFileSync(pem("cert")),
      port: secure.port,
      host: "localhost",
      path: "/v1/models",
      agent: false,
    };
    get(options, (response) => resolve(response.resume().statusCode)).on("error", reject);
  });
  assert.equal(status, 200);
  const alone = await llama(["serve", "--tls_cert", pem("cert")]);
  assert.deepEqual([alone.code, /need each other/.test(alone.stderr)], [2, true]);
  const swapped = await llama(["serve", "--tls_cert", pem("key"), "--tls_key", pem("cert"), "--port", "0"]);
  assert.deepEqual([swapped.code, /cannot be used for TLS/.test(swapped.stderr)], [2, true]);
});

test("other machines need a key, and a file of keys is private", async () => {
  const bare = await llama(["serve", "--host", "0.0.0.0", "--port", "0"]);
  assert.equal(bare.code, 2);
  assert.match(bare.stderr, /--host 0\.0\.0\.0: .*Set LLAMA_TS_API_KEY or --api_key_file, or say --no_auth/);
  if (process.platform !== "win32") {
    const wide = join(folder, "wide");
    writeFileSync(wide, "key\n");
    chmodSync(wide, 0o644);
    const refused = await llama(["serve", "--api_key_file", wide]);
    assert.deepEqual([refused.code, /others can read it\. Run chmod 600/.test(refused.stderr)], [2, true]);
  }
  const network = await startServer([...args, "--host", "0.0.0.0"], {
    env: { LLAMA_TS_API_KEY: "secret" },
    key: "secret",
  });
  assert.equal((await network.json("/v1/models")).status, 200);
  network.child.kill("SIGTERM");
  assert.equal(await network.ended(), 0);
});
