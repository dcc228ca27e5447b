/** Saves conversations to files and loads them again, with the demo model. */
import assert from "node:assert/strict";
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Completion, type Conversation, Llama, LlamaError, type TurnStats } from "../../src/index.js";
import { demo, fixture } from "../folders.js";

const GREEDY = { temperature: 0, maxGenLen: 24 };
const folder = mkdtempSync(join(tmpdir(), "llama-ts-session-"));
const at = (name: string) => join(folder, name);
let llama: Llama;
describe("conversation files", () => {
  before(async () => {
    llama = await Llama.build({ ckptDir: demo, nprocPerNode: 2, maxSeqLen: 512 });
  });
  after(async () => {
    await llama.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function say(talk: Conversation, text: string): Promise<Completion & TurnStats> {
    for await (const { done } of talk.send(text, GREEDY)) if (done) return done;
    throw new Error("no end");
  }

  async function begun(file: string, cache: boolean): Promise<Conversation> {
    const talk = llama.conversation({ chat: "llama2", system: "Tell stories" });
    await say(talk, "Lily had a cat.");
    await say(talk, "Then a dog came. 🦙");
    await llama.saveConversation(talk, at(file), { cache, settings: { temperature: 0.5 } });
    return talk;
  }

  test("a conversation restored with its KV cache continues with the same tokens as the original, and runs only new tokens", async () => {
    const talk = await begun("with", true);
    assert.equal(statSync(at("with")).mode & 0o777, 0o600);
    const uninterrupted = await say(talk, "And then?");
    // Use another engine, as after a restart.
    const other = await Llama.build({ ckptDir: demo, nprocPerNode: 2, maxSeqLen: 512 });
    try {
      const { conversation, settings, cache } = await other.loadConversation(at("with"));
      assert.equal(cache, "restored");
      assert.deepEqual(settings, { temperature: 0.5 });
      const restored = await say(conversation, "And then?");
      assert.equal(restored.reusedTokens, uninterrupted.reusedTokens);
      assert.deepEqual(restored.promptIds, uninterrupted.promptIds);
      assert.deepEqual(restored.ids, uninterrupted.ids);
      assert.deepEqual(conversation.turns, talk.turns);
    } finally {
      await other.close();
    }
  });

  test("a different number of ranks restores the same keys and values", async () => {
    for (const dtype of ["fp32", "int4"] as const) {
      const build = (nprocPerNode: number) =>
        Llama.build({ ckptDir: demo, nprocPerNode, dtype, cacheDir: null, maxSeqLen: 512 });
      const one = await build(1);
      const talk = one.conversation({ chat: "none" });
      await say(talk, "Lily had a cat.");
      const file = at(`ranks-${dtype}`);
      await one.saveConversation(talk, file, { cache: true });
      const expected = await say(talk, "The cat was big.");
      await one.close();
      // 2 divides the KV heads evenly, 3 does not, and with 8 several ranks have the same head.
      for (const ranks of [2, 3, 8]) {
        const other = await build(ranks);
        try {
          const { conversation, cache } = await other.loadConversation(file);
          assert.equal(cache, "restored");
          await other.saveConversation(conversation, `${file}-again`, { cache: true });
          assert.ok(readFileSync(`${file}-again`).equals(readFileSync(file)), `${dtype} on ${ranks} ranks`);
          const restored = await say(conversation, "The cat was big.");
          assert.equal(restored.reusedTokens, expected.reusedTokens);
          if (dtype === "fp32") assert.deepEqual(restored.ids, expected.ids);
        } finally {
          await other.close();
        }
      }
    }
  });

  test("with quantised weights, keys and values are saved and restored in fp16", async () => {
    const options = { ckptDir: demo, nprocPerNode: 1, dtype: "int8", cacheDir: null, maxSeqLen: 512 } as const;
    const first = await Llama.build(options);
    const talk = first.conversation({ chat: "none" });
    await say(talk, "Lily had a cat.");
    await first.saveConversation(talk, at("int8"), { cache: true });
    const uninterrupted = await say(talk, "The cat was big.");
    await first.close();
    const second = await Llama.build(options);
    try {
      const { conversation, cache } = await second.loadConversation(at("int8"));
      assert.equal(cache, "restored");
      assert.deepEqual((await say(conversation, "The cat was big.")).ids, uninterrupted.ids);
    } finally {
      await second.close();
    }
    // A model with another dtype restores the turns, but not the keys and values.
    const { conversation, cache } = await llama.loadConversation(at("int8"));
    assert.equal(cache, "of another model or type");
    assert.equal((await say(conversation, "The cat was big.")).reusedTokens, 0);
  });

  test("a conversation without a KV cache, or with a damaged one, computes it again", async () => {
    const talk = await begun("without", false);
    const expected = await say(talk, "And then?");
    const plain = await llama.loadConversation(at("without"));
    assert.equal(plain.cache, "absent");
    assert.deepEqual((await say(plain.conversation, "And then?")).ids, expected.ids);

    await begun("damaged", true);
    const bytes = readFileSync(at("damaged"));
    bytes[bytes.length - 5000]! ^= 1;
    writeFileSync(at("damaged"), bytes);
    const damaged = await llama.loadConversation(at("damaged"));
    assert.equal(damaged.cache, "damaged");
    assert.deepEqual((await say(damaged.conversation, "And then?")).ids, expected.ids);
    truncateSync(at("damaged"), bytes.length - 100);
    assert.equal((await llama.loadConversation(at("damaged"))).cache, "damaged");
  });

  test("a model with another tokenizer encodes the answers again", async () => {
    await begun("foreign", true);
    const other = await Llama.build({ ckptDir: fixture("llama1mini-fp16-mp1"), maxSeqLen: 512 });
    try {
      const { conversation, cache } = await other.loadConversation(at("foreign"));
      assert.equal(cache, "of another model or type");
      for (const { answer, answerIds } of conversation.turns) {
        assert.equal(other.tokenizer.decode(answerIds).trim(), answer.trim());
      }
      assert.equal((await say(conversation, "And then?")).reusedTokens, 0);
    } finally {
      await other.close();
    }
  });

  test("files that are not sessions are refused in a line, and not overwritten", async () => {
    const refused = (file: string, pattern: RegExp) =>
      assert.rejects(
        llama.loadConversation(at(file)),
        (error: Error) => error instanceof LlamaError && pattern.test(error.message),
      );
    writeFileSync(at("notes"), "my notes\nof years");
    writeFileSync(at("json"), '{"format":"something"}\n');
    writeFileSync(at("empty"), "");
    writeFileSync(at("odd"), '{"format":"llama-ts session","version":1,"chat":"none","turns":[7]}\n');
    writeFileSync(at("later"), '{"format":"llama-ts session","version":2}\n');
    await refused("notes", /is not a session file/);
    await refused("json", /is not a session file/);
    await refused("empty", /is not a session file/);
    await refused("odd", /damaged/);
    await refused("later", /another version; expected version 1, found 2/);
    await refused("absent", /no such file/);
    await refused(".", /is a folder/);
    const talk = llama.conversation();
    await assert.rejects(llama.saveConversation(talk, at("notes")), /not overwritten/);
    assert.equal(readFileSync(at("notes"), "utf8"), "my notes\nof years");
    await assert.rejects(llama.saveConversation(talk, at("no/such/folder")), /no such folder/);
  });

  test("saving leaves no other files, and a failed write keeps the old file", async () => {
    const talk = await begun("kept", true);
    const old = readFileSync(at("kept"));
    // A closed model has no keys and values any more, so the write fails half-way.
    const other = await Llama.build({ ckptDir: demo, nprocPerNode: 1, maxSeqLen: 512 });
    const lost = other.conversation({ chat: "none" });
    await say(lost, "Lily");
    await other.close();
    await assert.rejects(other.saveConversation(lost, at("kept"), { cache: true }));
    assert.deepEqual(readFileSync(at("kept")), old);
    assert.equal(talk.turns.length, 2);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.endsWith(".tmp")),
      [],
    );
  });

  test("keys and values belong to the files as they were loaded, even if those were changed or deleted since", async () => {
    const copy = at("model");
    cpSync(demo, copy, { recursive: true });
    const options = { ckptDir: copy, nprocPerNode: 1, maxSeqLen: 512 };
    const first = await Llama.build(options);
    const talk = first.conversation({ chat: "none" });
    await say(talk, "Lily");
    utimesSync(join(copy, "consolidated.00.pth"), 1e9, 1e9);
    await first.saveConversation(talk, at("changed"), { cache: true });
    rmSync(copy, { recursive: true });
    await first.saveConversation(talk, at("gone"), { cache: true });
    assert.deepEqual(readFileSync(at("gone")), readFileSync(at("changed")));
    await first.close();
    cpSync(demo, copy, { recursive: true });
    const second = await Llama.build(options);
    try {
      assert.equal((await second.loadConversation(at("changed"))).cache, "of another model or type");
    } finally {
      await second.close();
    }
  });

  test("a conversation that changes while it is saved is saved as it was at the call", async () => {
    const expected = await say(await begun("reference", true), "And then?");
    const headerOf = (file: string) => JSON.parse(readFileSync(at(file)).toString("utf8").split("\n", 1)[0]!);
    for (const wait of [0, 1, 2, 3, 4, 6]) {
      const talk = await begun("changing", false);
      const saving = llama.saveConversation(talk, at("changing"), { cache: true, settings: { temperature: 0.5 } });
      await sleep(wait);
      talk.undo();
      await Promise.all([saving, say(talk, "The cat sat on the mat all day long, for it was raining.")]);
      assert.deepEqual(headerOf("changing"), headerOf("reference"), `after ${wait} ms`);
      const { conversation, cache } = await llama.loadConversation(at("changing"));
      assert.equal(cache, "restored");
      assert.deepEqual((await say(conversation, "And then?")).ids, expected.ids);
    }
  });
});
