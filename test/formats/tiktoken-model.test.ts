import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readTiktokenModel } from "../../src/formats/tokenizer/tiktoken-model.js";
import { readTokenizerFile } from "../../src/formats/tokenizer/tokenizer-file.js";
import { demo, fixture, shared, withoutShared } from "../folders.js";

const folder = mkdtempSync(join(tmpdir(), "llama-ts-test-"));
after(() => rmSync(folder, { recursive: true }));

const line = (bytes: number[], rank: number) => `${Buffer.from(bytes).toString("base64")} ${rank}`;
const BYTES = Array.from({ length: 256 }, (_, byte) => line([byte], byte));

function file(content: string): string {
  const path = join(folder, "tokenizer.model");
  writeFileSync(path, content);
  return path;
}

function refuses(lines: string[], message: RegExp): void {
  const path = file(lines.join("\n"));
  assert.throws(() => readTiktokenModel(readTokenizerFile(path)), { name: "LlamaError", kind: "model", message });
}

/** The lines of single bytes, with one of them replaced. */
const withLine = (number: number, text: string) => BYTES.with(number - 1, text);

test("reads bytes and ranks", () => {
  const { tokens } = readTiktokenModel(readTokenizerFile(file([...BYTES, line([0xe4, 0xb8], 256)].join("\n"))));
  assert.equal(tokens.length, 257);
  assert.equal(tokens[65], "A");
  assert.equal(tokens[256], "\xe4\xb8");
  const crlf = readTiktokenModel(readTokenizerFile(file(`${BYTES.join("\r\n")}\r\n`)));
  assert.deepEqual(crlf.tokens, tokens.slice(0, 256));
});

test("recognises the kind of a tokenizer by its content", () => {
  assert.equal(readTokenizerFile(file("IQ== 0\n")).kind, "tiktoken");
  assert.equal(readTokenizerFile(fixture("llama3mini-bf16-mp1/tokenizer.model")).kind, "tiktoken");
  assert.equal(readTokenizerFile(fixture("own512.model")).kind, "sentencepiece");
  assert.equal(readTokenizerFile(join(demo, "tokenizer.model")).kind, "sentencepiece");
});

test("names the damaged line", () => {
  refuses(withLine(3, "@@@@ 2"), /line 3: is not base64 and a rank.*found "@@@@ 2"/);
  refuses(withLine(3, "Ag= 2"), /line 3: is not base64/);
  refuses(withLine(3, "Ah== 2"), /line 3: is not base64/);
  refuses(withLine(3, ""), /line 3: is not base64/);
  refuses(withLine(3, "Ag=="), /line 3: is not base64/);
  refuses(withLine(3, "Ag== two"), /line 3: is not base64/);
  refuses(withLine(3, "Ag== 7"), /line 3: ranks are not 0, 1, 2 and so on; expected 2, found 7/);
  refuses(withLine(3, "Ag== 02"), /line 3: ranks/);
  refuses(withLine(3, "AQ== 2"), /line 3: token occurs twice/);
  refuses([...BYTES, line(Array(2000).fill(65), 256)], /line 257: is too long/);
  refuses(BYTES.slice(0, 255), /has no token for a byte.*0xff/);
  refuses(["not a tokenizer"], /is not a tiktoken file/);
});

for (const [name, message] of [
  ["tok-tiktoken-bad-base64", /line 3: is not base64 and a rank/],
  ["tok-tiktoken-bad-rank", /line 3: ranks are not/],
] as const) {
  test(`rejects ${name}`, { skip: withoutShared }, () => {
    const path = shared(`bad/${name}/tokenizer.model`);
    assert.throws(() => readTiktokenModel(readTokenizerFile(path)), { name: "LlamaError", kind: "model", message });
  });
}
