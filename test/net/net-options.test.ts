/** How a connection is described: addresses, secrets from files and variables, certificates, and what of it is refused before anything is sent. */
import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { nkeys } from "@nats-io/nats-core";
import { queueNetOptions } from "../../src/cli/queue/net-options.js";
import type { QueueFlags } from "../../src/cli/queue/queue-flags.js";
import { LlamaError } from "../../src/error.js";
import { connect } from "../../src/net/nats/net.js";
import { temporaryFolder } from "../cli/cli-process.js";
import { NatsServer, natsBinaries, withoutNats } from "./nats-server.js";

const folder = temporaryFolder();
const pem = (name: string) => fileURLToPath(new URL(`../../../test/fixtures/tls/${name}.pem`, import.meta.url));
const file = (name: string, text: string, mode = 0o600) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
};
const of = (flags: QueueFlags, env: NodeJS.ProcessEnv = {}) => queueNetOptions(flags, env, "test");
const refused = (flags: QueueFlags, message: RegExp) => {
  assert.throws(
    () => of(flags),
    (error: unknown) => {
      assert.ok(error instanceof LlamaError && error.kind === "usage");
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /hunter2/);
      return true;
    },
  );
};
const user = nkeys.createUser();
const seed = new TextDecoder().decode(user.getSeed());

test("addresses get NATS's port, and other texts are refused", () => {
  const { servers } = of({ queue: "localhost, nats://[::1]:5,mq:6222/" }).options;
  assert.deepEqual(servers, ["nats://localhost:4222", "nats://[::1]:5", "nats://mq:6222"]);
  for (const queue of [
    "",
    ",",
    "http://mq",
    "ws://mq:80",
    "nats://",
    "mq:0",
    "mq:70000",
    "mq:a",
    "a b",
    "nats://mq/x",
  ]) {
    refused({ queue }, /^--queue: is no address of a NATS server; expected nats:\/\/HOST:PORT or tls/);
  }
  refused({}, /^--queue is missing\. Name a NATS server/);
});

test("a secret in the address is refused without being shown", () => {
  const say = /^--queue: has a secret in the address\. Everybody .* LLAMA_TS_QUEUE_TOKEN, .* --queue_creds$/;
  for (const queue of ["nats://me:hunter2@mq", "hunter2@mq:4222", "nats://mq,tls://hunter2@b"]) refused({ queue }, say);
});

test("texts that would travel unencrypted to another machine are announced", () => {
  assert.equal(of({ queue: "nats://127.0.0.1:4222,localhost" }).warning, null);
  assert.equal(of({ queue: "tls://mq" }).warning, null);
  assert.match(of({ queue: "localhost,mq:5" }).warning!, /^Warning: texts travel unencrypted to mq:5, .* tls:\/\/mq:5/);
  assert.equal(of({ queue: "mq", queue_ca: pem("cert") }).warning, null);
  assert.deepEqual(of({ queue: "mq", queue_ca: pem("cert") }).options.servers, ["tls://mq:4222"]);
  refused({ queue: "tls://a,nats://b" }, /^--queue: mixes TLS and plain text; expected tls:\/\/ for all/);
});

test("certificates must be readable, and a certificate needs its key", () => {
  refused({ queue: "mq", queue_cert: pem("cert") }, /^--queue_cert and --queue_key need each other$/);
  refused({ queue: "mq", queue_ca: join(folder, "none") }, /^--queue_ca .*none: cannot be read; found ENOENT/);
});

test("a secret comes from the variable or from a file, by its content", () => {
  const env = { LLAMA_TS_QUEUE_TOKEN: " hunter2\n" };
  assert.equal(of({ queue: "mq" }, env).options.token, "hunter2");
  const token = file("token", "# of the cluster\nhunter2\n");
  assert.equal(of({ queue: "mq", queue_creds: token }, { LLAMA_TS_QUEUE_TOKEN: "other" }).options.token, "hunter2");
  assert.equal(of({ queue: "mq", queue_creds: file("seed", `${seed}\n`) }).options.nkeySeed, seed);
  const creds = file("user.creds", `-----BEGIN NATS USER JWT-----\nx\n------END NATS USER JWT------\n`);
  assert.equal(of({ queue: "mq", queue_creds: creds }).options.creds, creds);
  refused({ queue: "mq", queue_creds: file("empty", "\n# \n") }, /has no secret that can be used; expected NATS/);
  refused({ queue: "mq", queue_creds: file("two", "hunter2\nb\n") }, /has no secret that can be used/);
  refused({ queue: "mq", queue_creds: file("public", user.getPublicKey()) }, /public half of an nkey\. .*seed/);
});

test("a secret that others can read is refused", { skip: process.platform === "win32" && "no such modes" }, () => {
  refused({ queue: "mq", queue_creds: file("open", "hunter2", 0o644) }, /others can read it\. Run chmod 600/);
  // As Kubernetes mounts a secret: of root, for the group of the container.
  const mode = process.getuid?.() === 0 ? 0o440 : 0o400;
  assert.equal(of({ queue: "mq", queue_creds: file("mounted", "hunter2", mode) }).options.token, "hunter2");
});

for (const binary of natsBinaries) {
  test(`nats-server ${binary.version}: TLS, a client certificate, an nkey and a token open a connection; without them it is refused`, async () => {
    const tls = { cert: pem("cert"), key: pem("key"), ca: pem("cert") };
    await using secure = await NatsServer.start({
      ...{ binary, tls },
      rules: `authorization { users: [ { nkey: ${user.getPublicKey()} } ] }`,
    });
    const creds = file("seed", seed);
    const whole = { queue: secure.url, queue_ca: pem("cert"), queue_cert: pem("cert"), queue_key: pem("key") };
    const net = await connect(of({ ...whole, queue_creds: creds }).options);
    assert.equal(net.serverVersion, binary.version);
    await net.close();
    const fails = async (flags: QueueFlags, message: RegExp, env: NodeJS.ProcessEnv = {}, timeoutMs = 5000) => {
      await assert.rejects(connect({ ...of(flags, env).options, timeoutMs }), (error: unknown) => {
        assert.ok(error instanceof LlamaError, `${error}`);
        assert.match(error.message, message);
        assert.ok(!error.message.includes("\n"));
        return true;
      });
    };
    await fails(whole, /the server refuses the key/);
    const other = new TextDecoder().decode(nkeys.createUser().getSeed());
    await fails({ ...whole, queue_creds: file("other", other) }, /the server refuses the key/);
    await fails({ queue: secure.url, queue_creds: creds, queue_ca: pem("next-cert") }, /TLS with the server fails/);
    await fails(
      { queue: secure.url, queue_creds: creds, queue_ca: pem("cert") },
      /not take the connection\. It may/,
      {},
      500,
    );

    await using plain = await NatsServer.start({ binary, token: "hunter2" });
    const open = await connect(of({ queue: plain.url }, { LLAMA_TS_QUEUE_TOKEN: "hunter2" }).options);
    await open.close();
    await fails({ queue: plain.url }, /the server refuses the key/);
    await fails({ queue: plain.url }, /the server refuses the key/, { LLAMA_TS_QUEUE_TOKEN: "hunter3" });
    // Nothing is sent in the clear where TLS was asked for.
    await fails({ queue: plain.url.replace("nats:", "tls:") }, /TLS/, { LLAMA_TS_QUEUE_TOKEN: "hunter2" });
    await plain.stop();
    await fails({ queue: plain.url }, /no NATS server can be reached/);
  });
}

test("servers are here", { skip: withoutNats }, () => {
  assert.ok(natsBinaries.every(({ version }) => /^\d+\.\d+\.\d+$/.test(version)));
});
