/** The REPL on a real pseudo-terminal, with the demo model. */
import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { temporaryFolder } from "./cli-process.js";
import { COLOUR, CTRL_C, CTRL_D, ESC, Terminal, UP, withoutTerminal } from "./terminal-process.js";

const GREEDY = ["--temperature", "0", "--max_gen_len", "12"];
const state = temporaryFolder();
async function open(args: readonly string[] = GREEDY, env: NodeJS.ProcessEnv = {}): Promise<Terminal> {
  // --verbose prints the figures that the tests wait for.
  const terminal = new Terminal(["--verbose", ...args], { XDG_STATE_HOME: state, ...env });
  await terminal.prompt();
  return terminal;
}

describe("the REPL on a terminal", { skip: withoutTerminal, concurrency: 2 }, () => {
  test("starts without a command; an answer streams, figures follow, and a second turn reuses the first", async () => {
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

  test("Ctrl-C stops only the running answer; at an empty prompt it prints a hint, and pressed twice it leaves", async () => {
    // An answer that takes a minute, since </s> is never generated.
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
    await terminal.until(/Press Ctrl-C again, Ctrl-D or enter \/bye to leave/);
    await terminal.prompt();
    terminal.type(CTRL_C);
    assert.equal(await terminal.exit(), 130);
  });

  test("the history is available at the next start, and only its owner can read it", async () => {
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

  test("a history that cannot be written is reported once, and the REPL continues", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "llama-ts"), "a file where a folder should be");
    const terminal = await open(GREEDY, { XDG_STATE_HOME: folder });
    assert.match(terminal.text, /cannot keep the input history: /);
    terminal.type("/tokens a\r");
    await terminal.until("token");
    await terminal.prompt();
    terminal.type(CTRL_D);
    assert.equal(await terminal.exit(), 0);
    assert.doesNotMatch(terminal.text, / {4}at /);
  });

  test("figures follow an answer only if asked for", async () => {
    const terminal = new Terminal(GREEDY, { XDG_STATE_HOME: state });
    await terminal.prompt();
    terminal.type("Once upon a time\r");
    assert.doesNotMatch(await terminal.prompt(), /context|tok\/s/);
    terminal.type("/set stats on\r");
    await terminal.until("stats on\n");
    await terminal.prompt();
    terminal.type("The dog\r");
    await terminal.until(/context \d+ of 512/);
    await terminal.prompt();
    terminal.type("/set stats maybe\r");
    await terminal.until("stats: Expected on or off.");
    await terminal.prompt();
    terminal.type(CTRL_D);
    assert.equal(await terminal.exit(), 0);
  });

  test("words that are nearly commands are suggested, leaving by a word is asked about, and a path begins a message", async () => {
    const terminal = await open();
    for (const [line, answer] of [
      ["/set temp 0.5", "unknown setting: temp. Did you mean temperature?"],
      ["/set tempreature 0.5", "unknown setting: tempreature. Did you mean temperature?"],
      ["/shwo", "unknown command: /shwo. Did you mean /show?"],
      ["/show info", "/show accepts no argument; found info"],
      ["/etc/hosts is a file", /context \d+ of 512/],
    ] as const) {
      terminal.type(`${line}\r`);
      await terminal.until(answer);
      await terminal.prompt();
    }
    terminal.type("quit\r");
    await terminal.until('Leave? [Y/n; n sends "quit" to the model] ');
    terminal.type("n\r");
    await terminal.until(/context \d+ of 512/);
    await terminal.prompt();
    terminal.type("exit\r");
    await terminal.until("to the model] ");
    terminal.type("\r");
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
    await first.until("Saved 1 turn with the KV cache");
    await first.prompt();
    first.type("/clear\r");
    await first.until("Conversation cleared");
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
    assert.match(second.text, /Loaded 2 turns from \S+ with the KV cache/);
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

  test("NO_COLOR turns off colours, and TERM=dumb cursor movement", async () => {
    const plain = await open(GREEDY, { NO_COLOR: "1" });
    plain.type("/nonsense\r");
    await plain.until("unknown command: /nonsense");
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

  test("after a kill the terminal has line mode and echo again", async () => {
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
