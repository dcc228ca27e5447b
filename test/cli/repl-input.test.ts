/** What is typed, pasted and recalled in the REPL on a real pseudo-terminal, with the demo model. */
import assert from "node:assert/strict";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { temporaryFolder } from "./cli-process.js";
import { CTRL_C, CTRL_D, ESC, screenText, Terminal, UP, withoutTerminal } from "./terminal-process.js";

const GREEDY = ["--temperature", "0", "--max_gen_len", "12"];
const state = temporaryFolder();
const [LEFT, HOME, END] = [`${ESC}[D`, "\x01", "\x05"];
async function open(args: readonly string[] = GREEDY, env: NodeJS.ProcessEnv = {}): Promise<Terminal> {
  // --verbose prints the figures that the tests wait for.
  const terminal = new Terminal(["--verbose", ...args], { XDG_STATE_HOME: state, ...env });
  await terminal.prompt();
  return terminal;
}

describe("input of the REPL on a terminal", { skip: withoutTerminal, concurrency: 2 }, () => {
  test("several lines as a block, with backslashes, as a paste or with /multiline are one message", async () => {
    const terminal = await open();
    const turns = async (count: number) => {
      await terminal.until(/context \d+ of 512/);
      await terminal.prompt();
      terminal.type("/show\r");
      await terminal.until(`format none, ${count} turn`);
      await terminal.prompt();
    };
    terminal.type('"""The cat\r');
    await terminal.until("... ");
    terminal.type('and Tom"""\r');
    await turns(1);
    terminal.type("The cat\\\r");
    await terminal.until("... ");
    terminal.type("and Tom\r");
    await turns(2);
    // The marks of a paste may arrive in pieces.
    terminal.type("\x1b[20");
    await sleep(50);
    terminal.type("0~The cat\rand\tTom\x1b[2");
    await sleep(50);
    terminal.type("01~");
    await terminal.until(/\.\.\. and\s+Tom/);
    terminal.type("\r");
    await turns(3);
    terminal.type("/multiline\r");
    await terminal.until("an empty line sends");
    await terminal.prompt();
    terminal.type("The cat\r");
    await terminal.until("... ");
    terminal.type("and Tom\r");
    await terminal.until("... ");
    terminal.type("\r");
    await turns(4);
    terminal.type(CTRL_D);
    assert.equal(await terminal.exit(), 0);
  });

  test("a paste and fast typing arrive as typed anywhere in a line", async () => {
    const terminal = await open();
    terminal.type("/tokens short");
    await terminal.until("/tokens short");
    terminal.type(`${HOME}abcdef`);
    await sleep(100);
    terminal.type(`${"\x7f".repeat(6)}${END} end\r`);
    await terminal.until(/3 tokens\n396 " sh" +782 "ort" +839 " end"/);
    await terminal.prompt();
    // One chunk with keys and text; then a paste before three characters.
    terminal.type(`/tokens The dog${LEFT.repeat(3)}`);
    await terminal.until("The dog");
    terminal.type("\x1b[200~big \x1b[201~\r");
    await terminal.until(/\n.*" The".*" big".*" dog"/);
    await terminal.prompt();
    // A whole line, and the beginning of the next one.
    terminal.type("/tokens Lily\r/tokens The d");
    await terminal.until(/1 token\n/);
    await terminal.until("/tokens The d");
    terminal.type("og\r");
    await terminal.until(/2 tokens\n.*" The".*" dog"/s);
    await terminal.prompt();
    // A paste of several lines before the end of a line.
    terminal.type(`Tom ran${LEFT.repeat(4)}`);
    await terminal.until("Tom ran");
    terminal.type("\x1b[200~, Lily\nand Ben\x1b[201~\r");
    await terminal.until(/context \d+ of 512/);
    await terminal.prompt();
    terminal.type(UP);
    await terminal.until(/Tom, Lily\n(\| )?and Ben ran/);
    terminal.type(`${CTRL_C}${CTRL_D}`);
    assert.equal(await terminal.exit(), 0);
  });

  test("a long text in one piece is drawn once when it is edited", async () => {
    const terminal = await open();
    terminal.type(
      "/tokens The little dog ran and ran until it was so tired that it fell asleep in the park with Tom x",
    );
    await terminal.until("with Tom x");
    terminal.type("\x7f\x7f");
    await sleep(200);
    terminal.type("\r");
    await terminal.until("tokens\n");
    // Moving up by the rows of the text comes before each drawing.
    const drawn = terminal.raw.slice(terminal.raw.indexOf("/tokens The little"));
    for (const part of drawn.split(">>> /tokens").slice(1)) assert.match(part, /\n|$/);
    assert.ok(drawn.includes(`${ESC}[1A`), JSON.stringify(drawn.slice(0, 400)));
    await terminal.prompt();
    terminal.type(CTRL_D);
    assert.equal(await terminal.exit(), 0);
  });

  test("messages of several lines come back whole, and Ctrl-R searches", async () => {
    const folder = temporaryFolder();
    const first = await open(GREEDY, { XDG_STATE_HOME: folder });
    first.type('"""first cat\r');
    await first.until("... ");
    first.type('second cat"""\r');
    await first.until(/context \d+ of 512/);
    await first.prompt();
    first.type("/tokens a dog\r");
    await first.until("tokens\n");
    await first.prompt();
    first.type(`${UP}${UP}`);
    await first.until(/first cat\n(\| )?second cat/);
    first.type("\r");
    await first.until(/context \d+ of 512/);
    await first.prompt();
    first.type(CTRL_D);
    assert.equal(await first.exit(), 0);
    assert.match(readFileSync(join(folder, "llama-ts/history"), "utf8"), /"first cat\\nsecond cat"\n\/tokens a dog\n/);
    const second = await open(GREEDY, { XDG_STATE_HOME: folder });
    second.type("\x12");
    await second.until("(search: )");
    second.type("dog");
    await second.until("(search: dog) /tokens a dog");
    second.type("x");
    await second.until("(not found: dogx)");
    second.type("\x7f\r");
    await second.until("2 tokens\n");
    await second.prompt();
    second.type("\x12cat");
    await second.until(/first cat\n(\| )?second cat/);
    second.type(ESC);
    await sleep(100);
    second.type("/bye\r");
    assert.equal(await second.exit(), 0);
  });

  test("words wrap at the edge of the screen", async () => {
    const terminal = await open(["--temperature", "0", "--max_gen_len", "60"]);
    terminal.resize(40);
    await sleep(200);
    terminal.type("Once upon a time\r");
    await terminal.until(/context \d+ of 512/);
    const raw = terminal.raw.slice(terminal.raw.lastIndexOf("Once upon a time") + 16);
    const answer = screenText(raw.slice(0, raw.search(/\d+ new \+/)));
    const lines = answer.trim().split("\n");
    assert.ok(lines.length > 4, answer);
    for (const line of lines) assert.ok(line.length < 40, JSON.stringify(raw));
    const text = lines.map((line) => line.trimEnd()).join(" ");
    assert.match(
      text,
      /^, there was a little girl named Lily\. She loved to play with her toys and eat yummy food\. One day/,
    );
    await terminal.prompt();
    terminal.type(CTRL_D);
    assert.equal(await terminal.exit(), 0);
  });

  test("a new width during an answer draws no prompt into it", async () => {
    const long = ["--logit_bias", "2=-inf", "--max_seq_len", "16384", "--max_gen_len", "16000"];
    const terminal = await open([...long, "--temperature", "1.5", "--top_p", "1", "--seed", "3"]);
    terminal.type("Once upon a time\r");
    await terminal.until(/Once upon a time\n[^\n]{20}/);
    const from = terminal.raw.length;
    for (const columns of [60, 40]) {
      terminal.resize(columns);
      await terminal.until(/\n[^\n]{20}/);
    }
    const during = terminal.raw.slice(from);
    assert.doesNotMatch(during, /time|>>>/);
    assert.ok(!during.includes(`${ESC}[0J`), JSON.stringify(during));
    terminal.type(CTRL_C);
    await terminal.prompt();
    // At a prompt it still draws the line again.
    terminal.type("/tokens a");
    await terminal.until("/tokens a");
    terminal.resize(50);
    await terminal.until("/tokens a");
    terminal.type(`${CTRL_C}${CTRL_D}`);
    assert.equal(await terminal.exit(), 0);
  });

  test("wide characters, long lines, a resize and tab completion work", async () => {
    const terminal = await open();
    terminal.type("/tokens 漢字 🦙🦙x\x7f\x7f\r");
    // The edited text is a space, two characters of three bytes, a space and one llama of four bytes; each byte is a token.
    await terminal.until("12 tokens\n");
    assert.equal((await terminal.prompt()).match(/\b243 /g)?.length, 1);
    const long = "word ".repeat(60).trim();
    terminal.type(`/tokens ${long}`);
    // Node 20.3 writes the line again where it wraps, with a space at the edge.
    await terminal.until(/(w ?o ?r ?d\s+){50}/);
    terminal.resize(40);
    terminal.type("\x7f\x7f\x7f\x7fend\r");
    await terminal.until("60 tokens\n");
    await terminal.until(/" end"/);
    await terminal.prompt();
    // A tab that arrives together with other keys is pasted text.
    terminal.type("/mul");
    await terminal.until("/mul");
    terminal.type("\t");
    await terminal.until("tiline");
    terminal.type("\r");
    await terminal.until("an empty line sends");
    await terminal.prompt();
    terminal.type("/set temp");
    await terminal.until("/set temp");
    terminal.type("\t");
    await terminal.until("erature");
    terminal.type(" 0.25\r");
    await terminal.until("temperature 0.25\n");
    await terminal.prompt();
    terminal.type(CTRL_D);
    assert.equal(await terminal.exit(), 0);
  });

  test("keys typed during an answer wait for the prompt", async () => {
    const terminal = await open(["--temperature", "1.5", "--top_p", "1", "--max_gen_len", "200", "--seed", "3"]);
    terminal.type("Once upon a time\r");
    await terminal.until(/Once upon a time\n[^\n]{10}/);
    terminal.type("\x1b[200~/tokens a\rb\x1b[201~\r/tokens a b\r/bye\r");
    // Pasted lines are one message, not commands.
    await terminal.until(/context \d+ of 512/);
    await terminal.until(/context \d+ of 512/);
    await terminal.until(/>>> \/tokens a b\n2 tokens/);
    assert.equal(await terminal.exit(), 0);
  });

  test("/edit sends a message from the editor", async () => {
    const editor = join(temporaryFolder(), "editor.sh");
    writeFileSync(editor, '#!/bin/sh\nprintf "Once upon a time\\n" > "$1"\n');
    chmodSync(editor, 0o755);
    const terminal = await open(GREEDY, { EDITOR: editor, VISUAL: "" });
    terminal.type("/edit\r");
    await terminal.until(", there was a little girl named Lily");
    await terminal.prompt();
    terminal.type("/edit last\r");
    await terminal.until(/1 new \+ 4 reused/);
    await terminal.prompt();
    terminal.type(CTRL_D);
    assert.equal(await terminal.exit(), 0);
  });
});
