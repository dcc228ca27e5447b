/** The dialogue on a real pseudo-terminal, with the demo model. */
import assert from "node:assert/strict";
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { temporaryFolder } from "./cli-process.js";
import { COLOUR, CTRL_C, CTRL_D, ESC, Terminal, UP, withoutTerminal } from "./terminal-process.js";

const GREEDY = ["--temperature", "0", "--max_gen_len", "12"];
const state = temporaryFolder();

async function open(args: readonly string[] = GREEDY, env: NodeJS.ProcessEnv = {}): Promise<Terminal> {
  const terminal = new Terminal(args, { XDG_STATE_HOME: state, ...env });
  await terminal.prompt();
  return terminal;
}

describe("the dialogue on a terminal", { skip: withoutTerminal, concurrency: 2 }, () => {
  test("a bare line opens it; an answer streams, figures follow, and a second turn reuses the first", async () => {
    const terminal = await open();
    assert.match(terminal.text, /\/help lists commands/);
    terminal.type("Once upon a time\r");
    await terminal.until(", there was a little girl named Lily. She loved to\n");
    await terminal.until(/5 new \+ 0 reused tokens · first token \d+ ms · 12 tokens/);
    await terminal.prompt();
    terminal.type("The dog\r");
    await terminal.until(/\d new \+ 16 reused tokens/);
    await terminal.prompt();
    terminal.type("/bye\r");
    assert.equal(await terminal.exit(), 0);
  });

  test("Ctrl-C in the middle of an answer stops only that; at an empty prompt it hints, and twice it leaves", async () => {
    // An answer that takes a minute, since </s> never comes.
    const long = ["--logit_bias", "2=-inf", "--max_seq_len", "16384", "--max_gen_len", "16000"];
    const terminal = await open([...long, "--temperature", "1.5", "--top_p", "1", "--seed", "3"]);
    terminal.type("Once upon a time\r");
    await terminal.until(/Once upon a time\n[^\n]{20}/);
    terminal.type(CTRL_C);
    await terminal.until(/stop: abort/);
    await terminal.prompt();
    terminal.type(`half a line${CTRL_C}`);
    await terminal.prompt();
    terminal.type(CTRL_C);
    await terminal.until(/Ctrl-C again, Ctrl-D or \/bye leaves/);
    await terminal.prompt();
    terminal.type(CTRL_C);
    assert.equal(await terminal.exit(), 130);
  });

  test("history, which only its owner can read, comes back in the next dialogue", async () => {
    const folder = temporaryFolder();
    const first = await open(GREEDY, { XDG_STATE_HOME: folder });
    first.type("/tokens remember me\r");
    await first.until("tokens\n");
    await first.prompt();
    first.type(CTRL_D);
    assert.equal(await first.exit(), 0);
    const file = join(folder, "llama-ts", "history");
    assert.equal(readFileSync(file, "utf8"), "/tokens remember me\n");
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const second = await open(GREEDY, { XDG_STATE_HOME: folder });
    second.type(UP);
    await second.until("/tokens remember me");
    second.type("\r");
    await second.until("tokens\n");
    await second.prompt();
    second.type(CTRL_D);
    assert.equal(await second.exit(), 0);
    const third = await open([...GREEDY, "--no_history"], { XDG_STATE_HOME: folder });
    third.type("/tokens a secret\r");
    await third.until("tokens\n");
    await third.prompt();
    third.type("/bye\r");
    assert.equal(await third.exit(), 0);
    assert.doesNotMatch(readFileSync(file, "utf8"), /secret/);
  });

  test("a history that cannot be written is told once, and the dialogue goes on", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "llama-ts"), "a file where a folder should be");
    const terminal = await open(GREEDY, { XDG_STATE_HOME: folder });
    assert.match(terminal.text, /the history is not kept: /);
    terminal.type("/tokens a\r");
    await terminal.until("token");
    await terminal.prompt();
    terminal.type(CTRL_D);
    assert.equal(await terminal.exit(), 0);
    assert.doesNotMatch(terminal.text, / {4}at /);
  });

  test("several lines: blocks, backslashes, pastes and /multiline are one message each", async () => {
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
    terminal.type("\x1b[200~The cat\rand\tTom\x1b[201~");
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

  test("wide characters, long lines, a resize and completion", async () => {
    const terminal = await open();
    terminal.type("/tokens 漢字 🦙🦙x\x7f\x7f\r");
    // One of the two llamas is left, whose four bytes are its tokens; a space, two characters of three, and another space are before it.
    await terminal.until("12 tokens\n");
    assert.equal((await terminal.prompt()).match(/\b243 /g)?.length, 1);
    const long = "word ".repeat(60).trim();
    terminal.type(`/tokens ${long}`);
    await terminal.until(/(word\s+){50}/);
    terminal.resize(40);
    terminal.type("\x7f\x7f\x7f\x7fend\r");
    await terminal.until("60 tokens\n");
    await terminal.until(/" end"/);
    await terminal.prompt();
    // A tab that comes with other keys is pasted text.
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

  test("what is typed while an answer runs waits for the prompt", async () => {
    const terminal = await open(["--temperature", "1.5", "--top_p", "1", "--max_gen_len", "200", "--seed", "3"]);
    terminal.type("Once upon a time\r");
    await terminal.until(/Once upon a time\n[^\n]{10}/);
    terminal.type("\x1b[200~/tokens a\rb\x1b[201~\r/tokens a b\r/bye\r");
    // Pasted lines are one message, and no command.
    await terminal.until(/context \d+ of 512/);
    await terminal.until(/context \d+ of 512/);
    await terminal.until(/>>> \/tokens a b\n2 tokens/);
    assert.equal(await terminal.exit(), 0);
  });

  test("/edit takes a message from the editor", async () => {
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

  test("/save and /load, and --session from one start to the next", async () => {
    const folder = temporaryFolder();
    const [saved, session] = [join(folder, "saved"), join(folder, "session")];
    const keep = ["--session", session, "--session_cache"];
    const first = await open([...GREEDY, ...keep], { HOME: folder });
    first.type("Once upon a time\r");
    await first.until(/0 reused tokens/);
    await first.prompt();
    first.type("/save ~/saved cache\r");
    await first.until("Saved 1 turn with keys and values");
    await first.prompt();
    first.type("/clear\r");
    await first.until("Begun anew");
    await first.prompt();
    first.type(`/load ${folder}/nothing\r`);
    await first.until("no such file");
    await first.prompt();
    first.type(`/load ${saved}\r`);
    await first.until("Loaded 1 turn");
    await first.prompt();
    first.type("The dog\r");
    await first.until(/\d+ new \+ 16 reused tokens/);
    await first.prompt();
    first.type(CTRL_D);
    assert.equal(await first.exit(), 0);
    const second = await open(["--max_gen_len", "5", ...keep]);
    assert.match(second.text, /Loaded 2 turns from \S+ with keys and values/);
    second.type("/show\r");
    await second.until("temperature 0\n");
    await second.until("max_gen_len 5\n");
    await second.prompt();
    second.type("/regen\r");
    await second.until(/1 new \+ \d\d reused tokens/);
    await second.prompt();
    second.type(CTRL_D);
    assert.equal(await second.exit(), 0);
  });

  test("NO_COLOR has no colours, and TERM=dumb moves no cursor", async () => {
    const plain = await open(GREEDY, { NO_COLOR: "1" });
    plain.type("/nonsense\r");
    await plain.until("no command '/nonsense'");
    await plain.prompt();
    plain.type(CTRL_D);
    assert.equal(await plain.exit(), 0);
    assert.doesNotMatch(plain.raw, COLOUR);
    const dumb = await open(GREEDY, { TERM: "dumb" });
    dumb.type("Once upon a time\n");
    await dumb.until("named Lily");
    await dumb.prompt();
    dumb.type(CTRL_C);
    await dumb.until("Ctrl-C again");
    await dumb.prompt();
    dumb.type(CTRL_D);
    assert.equal(await dumb.exit(), 0);
    assert.ok(!dumb.raw.includes(ESC));
  });

  test("a dialogue that is killed leaves a terminal with lines and echo", async () => {
    const terminal = new Terminal(GREEDY, { XDG_STATE_HOME: state }, "stty -a");
    await terminal.prompt();
    process.kill(terminal.worker, "SIGKILL");
    await terminal.until("llama-ts: the process was killed (SIGKILL) while working");
    const settings = await terminal.until(/ echoke.*\n/);
    for (const name of ["icanon", "echo", "isig", "iexten", "icrnl"])
      assert.match(settings, new RegExp(`[\\s]${name} `));
    assert.ok(terminal.raw.endsWith("\r\n") && terminal.raw.includes(`${ESC}[?2004l`));
    await terminal.exit();
  });
});
