import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { normaliseArgv } from "../../src/cli/options/argv.js";
import { createProgram } from "../../src/cli/program.js";
import { DEMO, llama } from "./cli-process.js";

const program = createProgram(() => {});
const normalise = (line: string, terminal = false) => normaliseArgv(line.split(" "), program, terminal).join(" ");
const refused = (line: string, message: RegExp) => assert.throws(() => normalise(line), { message }, line);

describe("commands of other programs", () => {
  test("are refused with the word of this one", () => {
    for (const [word, advice] of [
      ["chat", /^unknown command 'chat'\. llama-ts repl starts a conversation/],
      ["run", /'run'\. llama-ts generate --ckpt_dir DIR --prompt TEXT answers once/],
      ["server", /'server'\. llama-ts serve answers HTTP requests/],
      ["list", /'list'\. A model is a folder: llama-ts inspect DIR/],
      ["lst", /'lst'\. A model is a folder/],
      ["pull", /'pull'\. llama-ts downloads nothing/],
      ["lm_eval", /'lm_eval'\. llama-ts eval --tasks NAMES --data DIR/],
      ["perplexity", /'perplexity'\. llama-ts score --perplexity FILE/],
    ] as const) {
      assert.throws(() => normalise(word), { name: "LlamaError", kind: "usage", message: advice });
      assert.throws(() => normalise(`${word} DIR --prompt x`), { message: advice });
    }
  });

  test("for a bare prompt or a folder the message says where they are given", async () => {
    for (const [word, fix] of [
      ["Once upon a time", 'Give a prompt as --prompt "..."; a command must come first'],
      [DEMO, `Give a model as --ckpt_dir ${DEMO}; a command must come first`],
    ] as const) {
      assert.deepEqual(await llama([word]), {
        ...{ code: 2, signal: null, stdout: "" },
        stderr: `llama-ts: unknown command '${word}'. ${fix}\n`,
      });
    }
  });
});

describe("options of other programs", () => {
  test("that mean the same are accepted", () => {
    assert.equal(
      normalise("generate -p Once -n 5 -c 64 -s 1 --temp 0 -m dir --tokenizer file"),
      "generate --prompt Once --max_gen_len 5 --max_seq_len 64 --seed 1 --temperature 0 --ckpt_dir dir --tokenizer_path file",
    );
    for (const name of ["--n-predict", "--max-tokens", "--max_new_tokens", "--num-predict", "--predict"]) {
      assert.equal(normalise(`generate ${name}=5`), "generate --max_gen_len=5");
      assert.equal(normalise(`repl ${name} 5`), "repl --max_gen_len 5");
    }
    for (const name of ["--ctx-size", "--n_ctx", "--max-model-len"]) {
      assert.equal(normalise(`score ${name} 5`), "score --max_seq_len 5");
    }
    assert.equal(normalise("-f story.txt --model=dir"), "generate --prompt_file story.txt --ckpt_dir=dir");
    assert.equal(normalise("-p x", true), "generate --prompt x");
    assert.equal(normalise("--model_parallel_size=1"), "generate --nproc_per_node=1");
    assert.equal(normalise("eval --tasks piqa --output-path out"), "eval --tasks piqa --output out");
    assert.equal(normalise("bench -p 512 -n 64 -d 0"), "bench --pp 512 --tg 64 --depth 0");
  });

  test("are not looked for among values", () => {
    assert.equal(normalise("generate --prompt -n --seed 1"), "generate --prompt -n --seed 1");
    assert.equal(normalise("generate -o -p"), "generate -o -p");
    assert.equal(normalise("generate --prompt -- -n 3"), "generate --prompt -- --max_gen_len 3");
    assert.equal(normalise("generate -- -n 3"), "generate -- -n 3");
  });

  test("are refused beside another spelling with another value", () => {
    refused(
      "generate --max-tokens 3 --max_gen_len 4",
      /^--max-tokens is --max_gen_len here, and the line has --max_gen_len too/,
    );
    refused("generate --max_gen_len 4 -n 3", /^-n is --max_gen_len here/);
    refused("generate --nproc_per_node 2 --model_parallel_size=1", /^--model_parallel_size is --nproc_per_node here/);
    assert.equal(normalise("generate -n 3 --n-predict 3"), "generate --max_gen_len 3 --max_gen_len 3");
    assert.equal(normalise("generate --max_gen_len 3 --max_gen_len 4"), "generate --max_gen_len 3 --max_gen_len 4");
  });

  test("without a counterpart are refused with advice", () => {
    refused("generate -ngl 99", /^unknown option '-ngl'\. llama-ts runs on the CPU only/);
    refused("generate --repeat-penalty 1.1", /^unknown option '--repeat-penalty'\. --repetition_penalty counts/);
    refused("generate --max_length 50", /--max_gen_len limits the new tokens/);
    refused("generate --load-in-8bit", /--dtype fp32, int8 or int4/);
    refused("batch -p x", /^unknown option '-p'\. It is --prompt of other commands/);
    refused("cache list -n 3", /^unknown option '-n'/);
  });

  test("-t and -r are torchrun's only where the line is torchrun's", () => {
    refused("generate -t 1", /^-t 1: has several meanings; expected --tee 1 \(torchrun's\) or --threads 1$/);
    refused("generate -t4", /^-t 4: has several meanings/);
    refused("bench -r 3", /^-r 3: has several meanings; expected --redirects 3 \(torchrun's\) or --trials 3$/);
    refused("generate --prompt_file a.py -t 1", /has several meanings/);
    for (const line of [
      "torchrun -t 3 example.py",
      "-t 3 example.py",
      "generate -t 0:1,1:2",
      "generate --log_dir logs -r 3",
      "-t 3 -m llama.example",
    ]) {
      assert.match(normalise(line), /-[tr] [0-3]/);
    }
  });

  test("-m is a module of torchrun or a model", () => {
    assert.equal(normalise("-m llama.example --seed 1"), "generate --module llama.example --seed 1");
    assert.equal(normalise("torchrun -m example"), "generate --module example");
    assert.equal(normalise("-m example --ckpt-dir a"), "generate --module example --ckpt_dir a");
    assert.equal(normalise("-m models/7B"), "generate --ckpt_dir models/7B");
    assert.equal(normalise("-m model.gguf"), "generate --ckpt_dir model.gguf");
    assert.equal(normalise("inspect -m 7B"), "inspect --ckpt_dir 7B");
    assert.equal(normalise("python3 -m torch.distributed.run --nnodes 1 example.py"), "generate --nnodes 1 example.py");
  });
});

describe("fire's arguments", () => {
  test("words after a script are its parameters in order, but for those that are named", () => {
    assert.equal(
      normalise("example.py DIR TOK 0.6 0.9 --max_seq_len=256"),
      "generate example.py --ckpt_dir=DIR --tokenizer_path=TOK --temperature=0.6 --top_p=0.9 --max_seq_len=256",
    );
    assert.equal(
      normalise("--nproc_per_node 2 example_text_completion.py --ckpt_dir DIR TOK --top-p 1 0 64 32"),
      "generate --nproc_per_node 2 example_text_completion.py --ckpt_dir DIR --tokenizer_path=TOK --top_p 1 --temperature=0 --max_seq_len=64 --max_gen_len=32",
    );
    assert.match(normalise("example_chat_completion.py a b 1 1 9 4 7"), /--max_batch_size=4 --max_gen_len=7$/);
    assert.match(normalise("-m llama.example DIR TOK"), /--ckpt_dir=DIR --tokenizer_path=TOK$/);
  });

  test("words that have no certain meaning are refused", () => {
    refused("train.py DIR", /^DIR: train\.py is not one of Meta's scripts/);
    refused("example.py a b 1 1 5 6 7", /^unexpected argument '7'; expected at most 6 words after example\.py/);
    refused("example.py a 0.6", /^0\.6 after example\.py: is a number; expected the tokenizer's file/);
  });

  test("switches have True and False", () => {
    assert.equal(normalise("generate --echo=True --quiet=False --json=1"), "generate --echo --json");
    assert.equal(normalise("example.py --echo True --quiet False"), "generate example.py --echo");
    assert.equal(normalise("batch --echo=true in.jsonl"), "batch --echo in.jsonl");
    refused("generate --quiet=maybe", /^--quiet: is a switch; expected no value, True or False, found maybe/);
  });
});

describe("Meta's line", { concurrency: 2 }, () => {
  const line = (nproc: string, folder: string) =>
    llama([
      "--nproc_per_node",
      nproc,
      "example.py",
      "--ckpt_dir",
      folder,
      "--tokenizer_path",
      `${DEMO}/tokenizer.model`,
    ]);

  test("with words left in says what they mean", async () => {
    const mp = await line("MP", DEMO);
    assert.equal(mp.code, 2);
    assert.match(mp.stderr, /argument 'MP' is invalid\. MP means the number of Meta's files \(7B: 1/);
    for (const [folder, meaning] of [
      [`${DEMO}/model_size`, "model_size means the model's folder, such as 7B"],
      ["$TARGET_FOLDER/7B", "$TARGET_FOLDER means the folder of the downloaded models"],
    ] as const) {
      const { code, stderr } = await line("1", folder);
      assert.equal(code, 2);
      assert.ok(stderr.includes(`--ckpt_dir ${folder}: ${meaning}. Put yours in its place\n`), stderr);
    }
  });

  test("without a prompt says where Meta's prompts are", async () => {
    const { code, stderr } = await line("1", DEMO);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^example\.py is not run: .*\nllama-ts: no prompt, .* example\.py, which is not run, has its prompts inside\. Give /,
    );
  });

  test("has the threads of --threads, before those of the environment", async () => {
    const args = ["generate", "--prompt", "Once", "--max_gen_len", "2", "--verbose", "--nproc_per_node", "1"];
    const env = { OMP_NUM_THREADS: "3" };
    assert.match((await llama([...args, "--threads", "2"], { env })).stderr, /^1 rank of 2 threads, /m);
    assert.match((await llama(args, { env: { ...env, LLAMA_TS_THREADS: "1" } })).stderr, /^1 rank of 1 thread, /m);
  });
});
