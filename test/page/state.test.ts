/** The page's state without a browser: the tree of turns, marks of the model's words, undo, import, events of the server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HOSTILE } from "./hostile-texts.js";
import { pageModules } from "./page-modules.js";

const page = await pageModules(
  ...["state/tree.js", "state/ranges.js", "state/undo.js", "state/conversation.js", "wire/sse.js"],
  ...["history/check-import.js", "wire/completion.js"],
);

const turn = (id: string, parent: string | null, role = "user", text = id) => {
  return { id, parent, role, text, tokens: null, endId: null, finish: null, stats: null };
};
const ids = (turns: { id: string }[]) => turns.map(({ id }) => id).join(" ");

test("the shown path follows the chosen siblings, else the newest", () => {
  const turns = [turn("a", null), turn("b", "a"), turn("c", "a"), turn("d", "b"), turn("e", null)];
  assert.equal(ids(page.shownPath({ turns, chosen: {} })), "e");
  assert.equal(ids(page.shownPath({ turns, chosen: { "": "a" } })), "a c");
  assert.equal(ids(page.shownPath({ turns, chosen: { "": "a", a: "b" } })), "a b d");
  assert.equal(ids(page.pathTo({ turns }, "d")), "a b d");
  assert.deepEqual(page.placeOf({ turns }, turns[1]).of, 2);
});

test("a removed turn takes its followers along, and no choice points to them", () => {
  const turns = [turn("a", null), turn("b", "a"), turn("c", "b"), turn("d", "a")];
  const tree = page.withoutTurn({ turns, chosen: { "": "a", a: "b", b: "c" } }, "b");
  assert.equal(ids(tree.turns), "a d");
  assert.deepEqual(tree.chosen, { "": "a" });
  assert.equal(ids(page.shownPath(tree)), "a d");
});

const marked = ({ text, runs }: { text: string; runs: { start: number; end: number }[] }) =>
  runs.reduceRight((all, { start, end }) => `${all.slice(0, start)}[${all.slice(start, end)}]${all.slice(end)}`, text);

test("marks follow what is typed before, into, after and over them", () => {
  const state = { text: "one two three", runs: [{ start: 4, end: 7 }] };
  const after = (changed: string, cursor = changed.length) => marked(page.afterEdit(state, changed, cursor));
  assert.equal(after("one two three"), "one [two] three");
  assert.equal(after("one more two three", 9), "one more [two] three");
  assert.equal(after("one twxo three", 7), "one [tw]x[o] three");
  assert.equal(after("one two! three", 8), "one [two]! three");
  assert.equal(after("one three", 4), "one three");
  assert.equal(after("one t"), "one [t]");
  assert.equal(after("another text", 3), "another text");
  assert.equal(after(""), "");
  assert.equal(marked(page.withRun(state, 4, "NEW ")), "one [NEW ][two] three");
  assert.equal(marked(page.withRun(state, 5, "-")), "one [t][-][wo] three");
  assert.equal(marked(page.upTo(state, 6)), "one [tw]");
});

test("marks stay within the text and in order, whatever is edited", () => {
  let seed = 1;
  const random = (n: number) => {
    seed = (seed * 48271) % 2147483647;
    return seed % n;
  };
  let state = { text: "", runs: [] as { start: number; end: number }[] };
  for (let i = 0; i < 2000; i++) {
    const at = random(state.text.length + 1);
    if (random(3) === 0) state = page.withRun(state, at, "model".slice(random(5)));
    else {
      const end = Math.min(state.text.length, at + random(6));
      const before = state.text.slice(0, at) + "user".slice(random(5));
      state = page.afterEdit(state, before + state.text.slice(end), before.length);
    }
    let last = 0;
    for (const { start, end } of state.runs) {
      if (start < last || end <= start || end > state.text.length) assert.fail(JSON.stringify(state));
      last = end;
    }
    const parts = page.partsOf(state);
    assert.equal(parts.map(({ text }: { text: string }) => text).join(""), state.text);
  }
});

test("undo takes back a run as one step, and what is typed in one go as another", () => {
  const stack = new page.UndoStack();
  const at = (text: string) => ({ state: { text, runs: [] }, cursor: text.length });
  for (const [text, time] of [
    ["", 2000],
    ["a", 2100],
    ["ab", 2200],
  ] as const) {
    stack.keepTyping(at(text), time);
  }
  stack.keep(at("abc"));
  assert.equal(stack.undo(at("abc, said the model")).state.text, "abc");
  assert.equal(stack.undo(at("abc")).state.text, "");
  assert.equal(stack.undo(at("")), null);
  assert.equal(stack.redo(at("")).state.text, "abc");
  assert.equal(stack.redo(at("abc")).state.text, "abc, said the model");
});

async function eventsIn(...pieces: readonly (string | Uint8Array)[]): Promise<string[]> {
  const encoder = new TextEncoder();
  const body = new ReadableStream({
    start(control) {
      for (const piece of pieces) control.enqueue(typeof piece === "string" ? encoder.encode(piece) : piece);
      control.close();
    },
  });
  const found: string[] = [];
  for await (const data of page.readEvents(body, () => {})) found.push(data);
  return found;
}

test("events are the same however the bytes are cut, with any line end, with comments between", async () => {
  const text = 'data: {"a":"é"}\n\n: ping\n\ndata:one\r\ndata: two\r\n\r\ndata: last\r\rdata: not ended\n';
  const expected = ['{"a":"é"}', "one\ntwo", "last"];
  assert.deepEqual(await eventsIn(text), expected);
  const bytes = new TextEncoder().encode(text);
  assert.deepEqual(await eventsIn(...Array.from(bytes, (byte) => Uint8Array.of(byte))), expected);
});

test("an import takes what an export wrote, with new ids, and hostile texts as texts", () => {
  const turns = HOSTILE.map((text: string, i: number) => turn(`t${i}`, i === 0 ? null : `t${i - 1}`, "user", text));
  const conversation = { ...page.emptyConversation("chat"), title: HOSTILE[0], turns, chosen: { "": "t0" } };
  const file = { format: page.FORMAT, version: page.VERSION, exportedAt: "", conversations: [conversation] };
  const [read] = page.readExport(JSON.stringify(file));
  assert.notEqual(read.id, conversation.id);
  assert.deepEqual(
    page.shownPath(read).map(({ text }: { text: string }) => text),
    HOSTILE,
  );
  assert.equal(read.chosen[""], read.turns[0].id);
});

test("an import says the first place that is wrong, and takes nothing", () => {
  const whole = page.emptyConversation("chat");
  const wrong = (change: Record<string, unknown>, pattern: RegExp, file: Record<string, unknown> = {}) => {
    const conversations = [{ ...whole, ...change }];
    const json = JSON.stringify({ format: page.FORMAT, version: page.VERSION, conversations, ...file });
    assert.throws(() => page.readExport(json), pattern);
  };
  assert.throws(() => page.readExport("{"), /not JSON/);
  assert.throws(() => page.readExport("null"), /not an object/);
  wrong({}, /an export of this page/, { format: "other" });
  wrong({}, /Version 2 is not/, { version: 2 });
  wrong({ mode: "x" }, /conversations\[0\]\.mode is not one of chat, complete/);
  wrong({ turns: [turn("a", "a")] }, /turns\[0\]\.parent is not a turn before/);
  wrong({ turns: [turn("a", null), turn("a", null)] }, /turns\[1\]\.id is not an id of its own/);
  wrong({ turns: [turn("a", null, "system")] }, /role is not one of/);
  wrong({ document: { text: "ab", runs: [{ start: 0, end: 3 }] } }, /a part of the text/);
  wrong(
    {
      document: {
        text: "ab",
        runs: [
          { start: 1, end: 2 },
          { start: 0, end: 1 },
        ],
      },
    },
    /runs\[1\]/,
  );
  wrong({ settings: { temperature: "hot" } }, /settings\.temperature is not a number/);
  const json = `{"format":"${page.FORMAT}","version":1,"conversations":[{"__proto__":{"x":1}}]}`;
  assert.throws(() => page.readExport(json), /turns is not a list/);
  assert.equal(({} as { x?: number }).x, undefined);
});
