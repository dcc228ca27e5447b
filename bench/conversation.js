/**
 * Measures the time to the first token of an answer, turn by turn: in a conversation that keeps its KV cache, and for the
 * same prompt without it. Run `npm run build` first.
 *   node bench/conversation.js --ckpt_dir DIR [--turns 10] [--dtype int8] [--nproc_per_node N] [--words 24] [--max_gen_len 48]
 */
import { parseArgs } from "node:util";
import { Llama } from "../dist/src/index.js";

const { values } = parseArgs({
  options: {
    ckpt_dir: { type: "string", default: "models/demo" },
    tokenizer_path: { type: "string" },
    dtype: { type: "string", default: "auto" },
    nproc_per_node: { type: "string", default: "auto" },
    max_seq_len: { type: "string", default: "2048" },
    turns: { type: "string", default: "10" },
    words: { type: "string", default: "24" },
    max_gen_len: { type: "string", default: "48" },
  },
});
const number = (name) => Number(values[name]);
const nproc = values.nproc_per_node;
const llama = await Llama.build({
  ckptDir: values.ckpt_dir,
  ...(values.tokenizer_path && { tokenizerPath: values.tokenizer_path }),
  dtype: values.dtype,
  nprocPerNode: nproc === "auto" ? nproc : Number(nproc),
  cacheDir: null,
  maxSeqLen: number("max_seq_len"),
});
const options = { temperature: 0.8, seed: 1, promptLookupNumTokens: 0 };
const talk = llama.conversation({ chat: "llama2", system: "You are a helpful assistant." });

/** Milliseconds to the first event, and the last event's result. */
async function timed(stream) {
  const start = performance.now();
  let first = 0;
  let end = null;
  for await (const { done } of stream) {
    first ||= performance.now() - start;
    end = done ?? end;
  }
  return { first, end };
}

await timed(llama.stream("to warm up", { ...options, maxGenLen: 2 }));
console.log("turn  prompt  reused  new  first token, ms  without KV cache, ms");
for (let turn = 1; turn <= number("turns"); turn++) {
  const text = Array.from({ length: number("words") }, (_, i) => `word${(turn * 7 + i * 3) % 10}`).join(" ");
  const { first, end } = await timed(talk.send(text, { ...options, maxGenLen: number("max_gen_len") }));
  const full = await timed(llama.stream(end.promptIds, { ...options, maxGenLen: 1, cachePrompt: false }));
  const total = end.promptIds.length;
  const row = [turn, total, end.reusedTokens, total - end.reusedTokens, first.toFixed(0), full.first.toFixed(0)];
  console.log(row.map((value, i) => String(value).padStart([4, 8, 8, 5, 17, 22][i])).join(""));
}
await llama.close();
