/** What those who run a server need: metrics, logs of texts, a certificate that is read again, clients named by a proxy. */
import assert from "node:assert/strict";
import { copyFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "node:tls";
import { fileURLToPath } from "node:url";
import { llama, temporaryFolder } from "../cli/cli-process.js";
import { rawClient, rawRequest } from "./raw-client.js";
import { type Json, startServer, untilCounts, untilIdle } from "./server-process.js";

const folder = temporaryFolder();
const ONE_RANK = ["--nproc_per_node", "1"];
const QUIET = ["--log_format", "none", ...ONE_RANK];
const LONG = { prompt: "Once upon a time", max_tokens: 480, ignore_eos: true };
const prompts = join(folder, "prompts");
const server = await startServer([
  ...[...QUIET, "--concurrency", "1", "--max_queue", "4", "--trust_proxy", "--log_prompts", prompts],
  ...["--kv_memory", "64M"],
]);

async function metrics(): Promise<Map<string, number>> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const samples = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(samples.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]));
}

test("/metrics has counts, times, memory and what runs", async () => {
  const before = await metrics();
  assert.equal(before.get('llama_ts_kv_bytes{state="kept"}'), 0);
  const busy = rawClient(server.port, rawRequest("/v1/completions", { ...LONG, stream: true }));
  await busy.until(/"text":"./);
  const during = await metrics();
  busy.socket.destroy();
  await untilIdle(server);
  const after = await metrics();
  const limit = after.get("llama_ts_kv_bytes_limit")!;
  const running = during.get('llama_ts_kv_bytes{state="running"}')!;
  assert.ok(running > 0 && running <= limit && limit <= 64 << 20, `${running} of ${limit}`);
  assert.equal(after.get('llama_ts_kv_bytes{state="running"}'), 0);
  assert.ok(after.get('llama_ts_kv_bytes{state="kept"}')! > 0);
  assert.equal(after.get("llama_ts_kept_sequences"), 1);
  assert.ok(after.get("llama_ts_step_seconds_count")! > 1);
  assert.ok(after.get("llama_ts_step_seconds_sum")! > 0);
  for (const quantile of ["0.5", "0.99", "1"]) {
    const delay = after.get(`llama_ts_event_loop_delay_seconds{quantile="${quantile}"}`)!;
    assert.ok(delay >= 0 && delay < 5, `${delay}`);
  }
  assert.equal(after.get('llama_ts_requests_total{route="/v1/completions",status="499"}'), 1);
  assert.ok(after.get("process_resident_memory_bytes")! > 50e6);
  assert.ok(after.get("process_cpu_seconds_total")! > before.get("process_cpu_seconds_total")!);
  const age = Date.now() / 1000 - after.get("process_start_time_seconds")!;
  assert.ok(age > 0 && age < 600, `${age}`);
  const names = [...after.keys()];
  const info = /^llama_ts_build_info\{version="[^"]+",dtype="fp32",ranks="1"\}$/;
  assert.ok(
    names.some((name) => info.test(name)),
    names.join("\n"),
  );
});

test("--trust_proxy: a client is the last address of X-Forwarded-For", async () => {
  const from = (addresses: string) => ["Host: localhost", `X-Forwarded-For: ${addresses}`];
  const ask = (addresses: string) => rawClient(server.port, rawRequest("/v1/completions", LONG, from(addresses)));
  const waits = async (count: number) => {
    await untilCounts(server, ({ waiting }) => waiting >= count);
  };
  const open = [ask("10.0.0.1")];
  await untilCounts(server, ({ running }) => running !== 0);
  // Each may have half of the queue. What a client writes itself is before what the proxy writes.
  open.push(ask("10.0.0.1"), ask("1.1.1.1, 10.0.0.1"));
  await waits(2);
  const refused = ask("2.2.2.2,10.0.0.1");
  await refused.until(/HTTP\/1\.1 429/);
  open.push(refused, ask("10.0.0.2"));
  await waits(3);
  for (const { socket } of open) socket.destroy();
  await untilIdle(server);
});

test("--log_prompts: requests and answers as lines of JSON, which only the owner may read", async () => {
  const { body } = await server.json("/v1/completions", { prompt: "Violet", max_tokens: 3 }, { "x-request-id": "one" });
  await server.json("/v1/completions", { prompt: "Violet", max_tokens: -1 }, { "x-request-id": "two" });
  const entry = (id: string): Json =>
    readFileSync(prompts, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
      .find((one) => one.id === id);
  while (!entry("two")) await new Promise((done) => setTimeout(done, 5));
  const { time, ...logged } = entry("one");
  assert.ok(Date.now() - Date.parse(time) < 60_000);
  assert.deepEqual(logged, {
    ...{ id: "one", route: "/v1/completions", status: 200 },
    ...{ request: { prompt: "Violet", max_tokens: 3 }, texts: [body.choices[0].text] },
  });
  assert.deepEqual([entry("two").status, entry("two").texts], [400, null]);
  if (process.platform === "win32") return;
  assert.equal(statSync(prompts).mode & 0o777, 0o600);
  const wide = join(folder, "wide");
  writeFileSync(wide, "", { mode: 0o644 });
  const { code, stderr } = await llama(["serve", "--log_prompts", wide]);
  assert.deepEqual([code, /others can read it\. Run chmod 600/.test(stderr)], [2, true]);
});

test("SIGHUP reads the certificate again; a wrong one is said, and the old one stays", {
  skip: process.platform === "win32",
}, async () => {
  const pem = (name: string) => fileURLToPath(new URL(`../../../test/fixtures/tls/${name}.pem`, import.meta.url));
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const use = (prefix: string) => {
    copyFileSync(pem(`${prefix}cert`), cert);
    copyFileSync(pem(`${prefix}key`), key);
  };
  use("");
  const secure = await startServer([...QUIET, "--tls_cert", cert, "--tls_key", key]);
  const shown = () =>
    new Promise<string>((resolve, reject) => {
      const socket = connect({ port: secure.port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
        resolve(socket.getPeerX509Certificate()!.toString());
        socket.destroy();
      });
      socket.on("error", reject);
    });
  const said = async (pattern: RegExp) => {
    while (!pattern.test(secure.stderr())) await new Promise((done) => setTimeout(done, 5));
  };
  assert.equal((await shown()).trim(), readFileSync(pem("cert"), "utf8").trim());
  writeFileSync(cert, "no certificate");
  secure.child.kill("SIGHUP");
  await said(/cannot be used for TLS.*\. The certificate stays as it was/);
  assert.equal((await shown()).trim(), readFileSync(pem("cert"), "utf8").trim());
  use("next-");
  secure.child.kill("SIGHUP");
  await said(/The certificate has been read again/);
  assert.equal((await shown()).trim(), readFileSync(pem("next-cert"), "utf8").trim());
  secure.child.kill("SIGTERM");
  assert.equal(await secure.ended(), 0);
});
