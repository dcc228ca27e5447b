import assert from "node:assert/strict";
import { test } from "node:test";
import { HistorySearch } from "../../src/cli/commands/repl/history-search.js";
import { KeyReader } from "../../src/cli/terminal/key-reader.js";
import { WordWrap } from "../../src/cli/terminal/word-wrap.js";

/** "text:abc key:\r" for chunks that arrive one after another. */
function read(...chunks: string[]): string {
  const reader = new KeyReader();
  const tokens = chunks.flatMap((chunk) => reader.push(chunk));
  return tokens
    .map(({ kind, text }) => `${kind}:${JSON.stringify(text).slice(1, -1).replaceAll("\\u001b", "^")}`)
    .join(" ");
}

test("text, keys and pastes are distinguished", () => {
  assert.equal(read("abc\r"), "text:abc key:\\r");
  assert.equal(read("\x01abcdef"), "key:\\u0001 text:abcdef");
  assert.equal(read("\x1b[D\x1b[1;5Cx\x1bOA\x1bb"), "key:^[D key:^[1;5C text:x key:^OA key:^b");
  assert.equal(read("\x1b[[A\x7f\x1b\x1b[A"), "key:^[[A key:\x7f key:^ key:^[A");
  assert.equal(read("a\tb\t"), "text:a\\tb key:\\t");
  assert.equal(read("x\x1b[200~a\r\x1b[Db\x1b[201~y"), "text:x paste:a\\r^[Db text:y");
});

test("sequences may arrive in pieces", () => {
  const whole = "ab\x1b[Dc\x1b[200~p\nq\x1b[201~d\x1bOA";
  const expected = "text:ab key:^[D text:c paste:p\\nq text:d key:^OA";
  for (let at = 1; at < whole.length; at++) {
    const pieces = read(whole.slice(0, at), whole.slice(at)).replace("text:a text:b", "text:ab");
    // After ESC alone the rest of its sequence is passed on as it is.
    const joined = pieces.replace(/key:\^ key:(\[D|OA)/g, "key:^$1").replace("key:^ key:[200~ ", "");
    assert.equal(joined, expected, `cut at ${at}`);
  }
});

test("a history search finds older entries, and shorter queries the newest again", () => {
  const search = new HistorySearch(["the dog", "a cat", "the cat\nand Tom", "x"]);
  assert.equal(search.match, null);
  search.add("cat");
  assert.equal(search.match, "a cat");
  search.older();
  assert.equal(search.match, "the cat\nand Tom");
  search.older();
  assert.equal(search.match, "the cat\nand Tom");
  search.add("!");
  assert.equal(search.match, null);
  search.shorten();
  assert.equal(search.match, "a cat");
});

/** What a screen shows after moving left, erasing and printing. */
function screen(text: string): string {
  let shown = "";
  for (let rest = text; rest !== ""; ) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the codes begin with ESC
    const [code, count] = /^\x1b\[(\d+)D\x1b\[K/.exec(rest) ?? [];
    if (code === undefined) shown += rest[0];
    else shown = shown.slice(0, shown.length - Number(count));
    rest = rest.slice(code?.length ?? 1);
  }
  return shown;
}

test("words wrap at the edge, however they are cut into pieces", () => {
  const text = "The quick brown fox jumps over a lazy dog.\nSupercalifragilisticexpialidocious, 漢字漢字漢字 ends.";
  const wrapped =
    "The quick brown fox\njumps over a lazy\ndog.\nSupercalifragilisti\ncexpialidocious, \n漢字漢字漢字 ends.";
  for (const size of [1, 2, 3, 7, 100]) {
    const wrap = new WordWrap(() => 20);
    let raw = "";
    for (let at = 0; at < text.length; at += size) raw += wrap.push(text.slice(at, at + size));
    assert.equal(screen(raw).replace(/ +(?=\n)/g, ""), wrapped.replace(/ +(?=\n)/g, ""), `pieces of ${size}`);
  }
  assert.equal(new WordWrap(() => 0).push("x".repeat(200)), "x".repeat(200));
});
