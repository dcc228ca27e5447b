/** Folders of test/fixtures/bad are refused as cases.json says, or load if that is allowed; folders of test/fixtures/odd must load. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { LlamaError } from "../../src/error.js";
import { Llama } from "../../src/index.js";
import { openPath } from "../../src/model/checkpoint/open-path.js";
import { verifyFiles } from "../../src/model/checkpoint/verify-files.js";
import { fixture, readJson } from "../folders.js";
import { maxDifference } from "../max-difference.js";
import { llama } from "./cli-process.js";

interface Case {
  name: string;
  outcome: string;
}

const MAX_MS = 5000;
const MAX_BYTES = 500e6;
/** The file that hostile files would create. */
const TRACE = "/tmp/pwned";

/** The expected message by folder; each begins with the file. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  "pth-truncated-half": /00\.pth: is truncated: .* found \d+ bytes\. .*copy or download the file again/,
  "pth-truncated-head": /00\.pth: is not a PyTorch checkpoint; expected .*, found the bytes 4b/,
  "pth-one-byte": /00\.pth: is not a PyTorch checkpoint/,
  "pth-html": /00\.pth: is not a PyTorch checkpoint but a web page/,
  "pth-zip-without-pickle": /00\.pth: .*without data\.pkl.*found readme\.txt/,
  "pth-two-pickles": /00\.pth: is ambiguous: .*archive\/data\.pkl, other\/data\.pkl/,
  "pth-entry-short": /00\.pth: layers\.0\.attention\.wq\.weight: .*expected 512 bytes .*, found 256/,
  "pth-bad-local-offset": /00\.pth: .*corrupt zip: entry offset is outside the file/,
  "pth-encrypted-flag": /00\.pth: archive\/data\.pkl: is encrypted/,
  "pth-big-endian": /00\.pth: big-endian checkpoints are not supported/,
  "pickle-os-system": /00\.pth: archive\/data\.pkl: Python global is not allowed: posix\.system/,
  "pickle-builtins-eval": /Python global is not allowed: builtins\.eval/,
  "pickle-os-system-legacy": /00\.pth: Python global is not allowed: posix\.system/,
  "pickle-inst-opcode": /Python global is not allowed: os\.system/,
  "pickle-truncated": /data\.pkl: pickle ends too early \(at offset 390/,
  "pickle-garbage": /data\.pkl: invalid pickle opcode 0xc0/,
  "pickle-stack-underflow": /corrupt pickle: stack underflow/,
  "pickle-deep": /00\.pth: is not a dict of tensors .*found a list of 1\b/,
  "pickle-laughs": /00\.pth: is not a dict of tensors .*found a list of 2\b/,
  "pickle-long-bomb": /integer of 2147483647 bytes/,
  "pickle-int-root": /is not a dict of tensors .*found the number 5/,
  "pickle-nested-model": /is not a dict of tensors .*under the key model/,
  "pickle-non-tensor-values": /tok_embeddings\.weight: is not a tensor; found the text hello/,
  "tensor-missing-output": /00\.pth: missing tensor output\.weight/,
  "tensor-transposed": /layers\.0\.feed_forward\.w1\.weight: shape .*expected \[48, 16\], found \[16, 48\]/,
  "tensor-zero-dim": /norm\.weight: shape .*expected \[16\], found \[\]/,
  "tensor-nan": /00\.pth: layers\.0\.attention\.wq\.weight: row 3, column 4 is not finite.*found NaN/,
  "tensor-inf": /00\.pth: layers\.1\.ffn_norm\.weight: row 0, column 0 is not finite.*found Infinity/,
  "tensor-size-bomb": /attention\.wq\.weight: shape .*found \[1000000, 1000000\]/,
  "tensor-offset-outside": /attention\.wq\.weight: tensor reaches outside its storage; expected at most 256/,
  "tensor-negative-size": /attention\.wq\.weight: negative size; found \[-16, 16\]/,
  "tensor-stride-outside": /attention\.wq\.weight: tensor reaches outside its storage/,
  "tensor-rank-mismatch": /attention\.wq\.weight: corrupt tensor record/,
  "tensor-complex": /attention\.wq\.weight: unsupported dtype; .*found ComplexFloatStorage/,
  "tensor-sparse": /unsupported kind of tensor or object: torch\._utils\._rebuild_sparse_tensor/,
  "tensor-overlapping-keys": /missing tensor layers\.0\.attention\.wq\.weight; found unknown layers\.00\.attention/,
  "params-empty": /params\.json: is not valid JSON; found an empty file/,
  "params-array": /params\.json: must be a JSON object; found a list of 0/,
  "params-null": /params\.json: must be a JSON object; found null/,
  "params-no-n_layers": /params\.json: bad n_layers; .*found no value/,
  "params-negative-dim": /params\.json: bad dim; expected a positive integer.*found -16/,
  "params-zero-layers": /params\.json: bad n_layers; .*found 0/,
  "params-fraction-dim": /params\.json: bad dim; .*found 16\.5/,
  "params-huge": /params\.json: bad dim; .*found 1e\+300/,
  "params-huge-layers": /params\.json: bad n_layers; .*found 1000000000/,
  "params-odd-head-dim": /params\.json: bad n_heads; expected an even head size/,
  "params-kv-zero": /params\.json: bad n_kv_heads; .*found 0/,
  "params-kv-more": /params\.json: bad n_kv_heads; .*found 8/,
  "params-multiple-zero": /params\.json: bad multiple_of; .*found 0/,
  "params-ffn-mult-string": /params\.json: bad ffn_dim_multiplier; expected a positive number, found "1\.3"/,
  "params-eps-negative": /params\.json: bad norm_eps; .*found -1/,
  "params-theta-zero": /params\.json: bad rope_theta; .*found 0/,
  "params-layers-more": /missing tensor layers\.2\..*n_layers 3, but the file has 2 layers/,
  "params-moe": /params\.json: moe means a mixture of experts/,
  "params-quantized": /params\.json: quantization_args means a quantised checkpoint/,
  "shard-01-missing": /wrong number of shards .*expected 2 shards .*found 1 \(consolidated\.00\.pth\)/,
  "shard-gap": /shard consolidated\.01\.pth is missing/,
  "shard-three": /wrong number of shards .*expected 2 .*found 3/,
  "shard-mixed-mp": /shards of different splits are mixed; expected 16 rows in total, found 8 \+ 16/,
  "shard-dtype-differ": /01\.pth: .*different element types; expected fp16 .*found fp32/,
  "shard-01-truncated": /01\.pth: is truncated/,
  "no-pth": /no checkpoint files found in .*no-pth/,
  "tok-empty": /tokenizer\.model: is empty/,
  "tok-garbage": /tokenizer\.model: is not a SentencePiece/,
  "tok-text": /tokenizer\.model: is not a SentencePiece/,
  "tok-json": /tokenizer\.model: .*JSON/,
  "tok-more-pieces": /expected 513 \(tokens of the tokenizer\), found 512/,
  "tok-no-pieces": /tokenizer\.model: .*no pieces/,
  "tok-unigram": /tokenizer\.model: unigram SentencePiece models are not supported/,
  "tok-tiktoken-bad-base64": /tokenizer\.model: line 3: is not base64 and a rank; .*found "@@@@ 2"/,
  "tok-tiktoken-bad-rank": /tokenizer\.model: line 3: ranks are not .*expected 2, found 7/,
  "hf-header-too-long": /model\.safetensors: ends within its header; expected a header of 1000000000 bytes/,
  "hf-header-not-json": /model\.safetensors: header is not JSON/,
  "hf-offsets-outside": /model\.safetensors: model\.norm\.weight: tensor is outside the file/,
  "hf-dtype-unknown": /model\.safetensors: model\.norm\.weight: unsupported dtype; .*found F8_E4M3/,
  "hf-index-path-escape": /index\.json: .*without a path, found \.\.\/\.\.\/\.\.\/\.\.\/etc\/passwd/,
  "hf-other-arch": /config\.json: model_type "gpt2" is not supported; expected one of llama, mistral/,
};

/** Folders that load like the healthy folder, with a warning about these tensors. */
const LOADED: Readonly<Record<string, string[]>> = {
  "pth-path-traversal": [],
  "pickle-proto-pollution": ["__proto__", "constructor", "toString"],
  "tensor-extra": ["layers.0.attention.lora_a.weight"],
};
/** Loads as a smaller model: a layer of the file is not used, which a warning reports. */
const SHORTENED = "params-layers-fewer";

const cases = readJson<Case[]>(fixture("bad/cases.json"))
  .filter(({ name }) => name.startsWith("bad/"))
  .map(({ name, outcome }) => ({ name: name.slice("bad/".length), outcome }));
const healthy = readJson<{ ids: number[]; last_logits: number[] }>(fixture("odd/expected.json"));

test("every case has a folder and an expectation in this file", () => {
  const folders = readdirSync(fixture("bad"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const names = cases.map(({ name }) => name);
  assert.deepEqual(folders.map(({ name }) => name).sort(), names.sort());
  assert.deepEqual([...Object.keys(REFUSED), ...Object.keys(LOADED), SHORTENED].sort(), names.sort());
  for (const { name, outcome } of cases) if (outcome === "error") assert.ok(name in REFUSED, name);
});

describe("in this process", () => {
  for (const [name, message] of Object.entries(REFUSED)) {
    test(`${name} is refused`, async () => {
      const start = performance.now();
      const error = await Llama.build({ ckptDir: fixture(`bad/${name}`), nprocPerNode: 1 }).then(
        () => assert.fail("it was loaded"),
        (error: unknown) => error,
      );
      assert.ok(error instanceof LlamaError, String((error as Error).stack));
      assert.equal(error.kind, "model");
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /\n/);
      assert.ok(performance.now() - start < MAX_MS);
    });
  }

  for (const [name, unexpected] of Object.entries({ ...LOADED, [SHORTENED]: null })) {
    test(`${name} loads and lists what is not used`, async () => {
      const model = await Llama.build({ ckptDir: fixture(`bad/${name}`), nprocPerNode: 1 });
      try {
        const logits = await model.logits(healthy.ids);
        if (unexpected === null) {
          assert.equal(model.unexpectedTensors.length, 9);
          assert.ok(model.unexpectedTensors.every((tensor) => tensor.startsWith("layers.1.")));
        } else {
          assert.deepEqual(model.unexpectedTensors, unexpected);
          assert.ok(maxDifference(logits, healthy.last_logits) <= 1e-3);
        }
      } finally {
        await model.close();
      }
    });
  }
});

// One of each kind, and those that attack memory, time or the shell.
const SAMPLE = [
  ...["pickle-os-system", "pickle-os-system-legacy", "pickle-deep", "pickle-laughs", "pickle-long-bomb"],
  ...["tensor-size-bomb", "tensor-nan", "params-huge-layers", "shard-gap", "tok-garbage", "pth-truncated-half"],
];

describe("the program", { concurrency: 2 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "llama-ts-bad-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  // Prints the peak memory of the process in KB when it ends.
  const reporter = join(folder, "peak.mjs");
  writeFileSync(
    reporter,
    `import { writeFileSync } from "node:fs";
process.on("exit", () => writeFileSync(process.env.PEAK_FILE, String(process.resourceUsage().maxRSS)));`,
  );

  for (const name of SAMPLE) {
    test(`refuses ${name} with one line, quickly and with little memory`, async () => {
      const PEAK_FILE = join(folder, name);
      const start = performance.now();
      const { code, stdout, stderr } = await llama(
        ["generate", "--quiet", "--prompt", "Hi", "--nproc_per_node", "1", "--ckpt_dir", fixture(`bad/${name}`)],
        { env: { NODE_OPTIONS: `--import=${pathToFileURL(reporter)}`, PEAK_FILE } },
      );
      assert.equal(code, 3, stderr);
      assert.equal(stdout, "");
      assert.match(stderr, /^llama-ts: [^\n]+\n$/);
      assert.match(stderr, REFUSED[name]!);
      assert.ok(performance.now() - start < MAX_MS);
      assert.ok(Number(readFileSync(PEAK_FILE, "utf8")) * 1024 < MAX_BYTES);
    });
  }

  test("warns about what it does not use", async () => {
    const args = ["generate", "--prompt", "Hi", "--max_gen_len", "2", "--ckpt_dir"];
    const pollution = await llama([...args, fixture("bad/pickle-proto-pollution")]);
    assert.equal(pollution.code, 0);
    assert.match(pollution.stderr, /Warning: .*not used: __proto__, constructor, toString\n/);
    const shortened = await llama([...args, fixture(`bad/${SHORTENED}`)]);
    assert.equal(shortened.code, 0);
    assert.match(shortened.stderr, /Warning: .*layers\.1\..* and 6 more/);
  });
});

test("no hostile code ran", () => {
  assert.equal(existsSync(TRACE), false);
  assert.deepEqual(Object.keys({}), []);
  assert.equal(({} as Record<string, unknown>).lora_a, undefined);
});

test("pipes, folders and huge files instead of a file are refused", {
  skip: process.platform === "win32",
}, async () => {
  const root = mkdtempSync(join(tmpdir(), "llama-ts-kinds-"));
  try {
    for (const name of ["params.json", "consolidated.00.pth", "tokenizer.model", "checklist.chk"]) {
      for (const [kind, make] of Object.entries({
        pipe: (path: string) => execFileSync("mkfifo", [path]),
        folder: (path: string) => mkdirSync(path),
        huge: (path: string) => {
          writeFileSync(path, "");
          truncateSync(path, 3e9);
        },
      })) {
        const dir = join(root, `${kind}-${name}`);
        cpSync(fixture("odd/base-valid"), dir, { recursive: true });
        rmSync(join(dir, name), { force: true });
        make(join(dir, name));
        const read =
          name === "checklist.chk"
            ? verifyFiles(openPath(dir), join(dir, "tokenizer.model"), () => {})
            : Llama.build({ ckptDir: dir });
        await assert.rejects(read, (error: LlamaError) => {
          assert.ok(error instanceof LlamaError && error.message.includes(join(dir, name)), error.stack);
          return true;
        });
      }
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
