/** docs/scale-out.md: its console lines are run with a real nats-server and print what is shown; its files are what others can read. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { describe, test } from "node:test";
import { askWorkers } from "../../src/cli/queue/worker-status.js";
import { connect } from "../../src/net/nats/net.js";
import { BIN, llama, run } from "../cli/cli-process.js";
import { blocksOf, examplesOf } from "../documents/blocks.js";
import { Sandbox } from "../documents/sandbox.js";
import { assertShown } from "../documents/varying.js";
import { NatsServer, withoutNats } from "./nats-server.js";

const blocks = blocksOf("docs/scale-out.md");
const inLanguage = (language: string) => blocks.filter((block) => block.language === language);
/** What is another on each machine. */
const VARYING: readonly [RegExp, string][] = [
  [/\b[0-9a-f]{16}\b/g, "MODEL"],
  [/worker \S+:\d+:/g, "worker HOST:PID:"],
  [/(llama-ts|nats-server) \d+\.\d+\.\d+/g, "$1 VERSION"],
];
const settled = (text: string) => VARYING.reduce((rest, [pattern, place]) => rest.replace(pattern, place), text);
/** Lines of stderr. */
const REMARK = /^(No --ckpt_dir: |\d+ requests: )/;

describe("docs/scale-out.md", { skip: withoutNats }, () => {
  test("the lines for a laptop print what is shown", async () => {
    await using server = await NatsServer.start();
    const here = (command: string) => command.replaceAll("localhost:4222", `127.0.0.1:${server.port}`);
    const sandbox = new Sandbox();
    const workers: ChildProcess[] = [];
    for (const { command, shown } of inLanguage("console").flatMap(examplesOf)) {
      if (/^nats-server .*&$/.test(command)) continue;
      const [, words] = /^llama-ts (worker .*) &$/.exec(command) ?? [];
      if (words !== undefined) {
        const child = spawn(process.execPath, [BIN, ...here(words).split(" ")], {
          env: { ...process.env, ...sandbox.env },
        });
        process.on("exit", () => child.kill("SIGKILL"));
        workers.push(child);
        continue;
      }
      const [, name] = /^cat (\S+)$/.exec(command) ?? [];
      if (name !== undefined && sandbox.write(name, shown)) continue;
      if (command.includes("queue status")) await untilWorkers(server, workers.length);
      const { stdout, stderr } = await sandbox.run(here(command), { timeout: 60_000 });
      const lines = shown.split(/(?<=\n)/);
      assertShown(settled(stdout), settled(lines.filter((line) => !REMARK.test(line)).join("")), command);
      assertShown(stderr, lines.filter((line) => REMARK.test(line)).join(""), command);
    }
    assert.equal(workers.length, 2);
    const ended = workers.map((child) => new Promise((resolve) => child.once("exit", resolve)));
    for (const child of workers) child.kill("SIGTERM");
    assert.deepEqual(await Promise.all(ended), [0, 0]);
  });
});

test("the lines for clusters have options that the command has", async () => {
  const { stdout: help } = await llama(["worker", "--help"]);
  const texts = ["sh", "ini", "yaml"].flatMap(inLanguage).map(({ text }) => text);
  // A list of YAML has its words on lines of their own.
  const lines = texts.flatMap((text) => text.match(/\bworker,?\s+--[^\]]*?(?=\n(?! {14})|\])/g) ?? []);
  assert.equal(lines.length, 3);
  for (const line of lines) {
    for (const [option] of line.matchAll(/(?<![\w-])--\w+/g))
      assert.ok(help.includes(`  ${option} `), `${option}: ${line}`);
  }
});

const python = await run("python3", ["-c", "import yaml"]).catch(() => ({ code: 1 }));

test("the manifest for Kubernetes is YAML with the fields that KEDA documents", {
  skip: python.code !== 0 && "python3 with yaml is not here",
}, async () => {
  const [{ text } = { text: "" }] = inLanguage("yaml");
  const script = "import sys, json, yaml; print(json.dumps(list(yaml.safe_load_all(sys.stdin))))";
  const { stdout } = await run("python3", ["-c", script], { input: text });
  const [deployment, scaled] = JSON.parse(stdout);
  assert.deepEqual([deployment.kind, scaled.kind], ["Deployment", "ScaledObject"]);
  assert.deepEqual(deployment.spec.selector.matchLabels, deployment.spec.template.metadata.labels);
  assert.equal(scaled.spec.scaleTargetRef.name, deployment.metadata.name);
  // A mode is a decimal number in JSON: 0400.
  assert.equal(deployment.spec.template.spec.volumes[1].secret.defaultMode, 0o400);
  assert.equal(scaled.apiVersion, "keda.sh/v1alpha1");
  const known = [
    "natsServerMonitoringEndpoint",
    "account",
    "stream",
    "consumer",
    "lagThreshold",
    "activationLagThreshold",
  ];
  for (const { type, metadata } of scaled.spec.triggers) {
    assert.equal(type, "nats-jetstream");
    assert.deepEqual(Object.keys(metadata), known);
    // KEDA takes texts only.
    assert.ok(Object.values(metadata).every((value) => typeof value === "string"));
    assert.match(metadata.stream, /^LTS_(REQ|NOW)_[0-9a-f]{16}$/);
    assert.equal(metadata.consumer, "w");
  }
});

async function untilWorkers(server: NatsServer, count: number): Promise<void> {
  const net = await connect({ servers: [server.url], name: "test" });
  for (const end = Date.now() + 20_000; (await askWorkers(net, 200)).length < count; ) {
    if (Date.now() > end) throw new Error("the workers do not answer");
  }
  await net.close();
}
