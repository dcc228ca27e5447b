/** Measures the rows of the comparison: each runs both sides in turn, A B A B, and returns one pair of figures per round. */
import { Child } from "./child.js";

/** Tokens of the prompt that measures a start: few, so that prefill does not count. */
const START_TOKENS = 8;
/** Greedy text may end early; this many prompts are tried. */
const ATTEMPTS = 8;

/** A prompt of `length` tokens: BOS, then ids made from the seed. */
export function promptOf(length, vocabSize, seed = 0) {
  // The first 259 are special tokens and single bytes.
  const first = Math.min(259, vocabSize >> 1);
  let state = seed + 1;
  return Array.from({ length }, (_, i) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return i === 0 ? 1 : first + Math.floor((state / 2 ** 32) * (vocabSize - first));
  });
}

/** Measures import, load and a short prompt up to its first token in a new process; does not include the start of Node. */
export async function measureStart({ sides, rounds, vocabSize }) {
  const ids = promptOf(START_TOKENS, vocabSize);
  const once = async (side) => {
    const child = new Child(side);
    try {
      return await child.request("start", { options: sides[side], ids });
    } finally {
      await child.end();
    }
  };
  // The first start reads files that are not yet in memory.
  await once("ours");
  await once("peer");
  const pairs = [];
  for (let round = 0; round < rounds; round++) pairs.push({ ours: await once("ours"), peer: await once("peer") });
  const figure = (key) => pairs.map(({ ours, peer }) => ({ ours: ours[key], peer: peer[key] }));
  return [
    { name: "start to first token", unit: "ms", pairs: figure("ms") },
    { name: "  of which load", unit: "ms", pairs: figure("loadMs") },
  ];
}

/** Measures a prompt of `length` tokens up to its first new token, in tokens per second. */
export async function measurePrefill({ ours, peer, rounds, vocabSize, settings, length }) {
  const ids = promptOf(length, vocabSize);
  const run = async (child, setting) => {
    const { ms } = await child.request("open", { ids, count: 1, setting });
    return (length * 1000) / ms;
  };
  await run(ours);
  const setting = await fastest(settings, (one) => run(peer, one));
  const pairs = [];
  for (let round = 0; round < rounds; round++) pairs.push({ ours: await run(ours), peer: await run(peer, setting) });
  return { name: `prefill, ${length} tokens`, unit: "tok/s", pairs, setting };
}

/** Measures tokens one by one after a prompt of `depth` tokens, which runs once; each round continues the text of the last one. */
export async function measureDecode(options) {
  for (let seed = 0; seed < ATTEMPTS; seed++) {
    const row = await decodeFrom(options, promptOf(options.depth, options.vocabSize, seed));
    if (row) return row;
  }
  throw new Error(`${ATTEMPTS} texts ended before ${options.depth + tokensAfter(options)} tokens`);
}

/** New tokens of one text: the first one, two halves of a round to warm up, then the rounds. */
export function tokensAfter({ rounds, tokens }) {
  return 1 + 2 * Math.ceil(tokens / 2) + rounds * tokens;
}

async function decodeFrom({ ours, peer, rounds, settings, depth, tokens }, ids) {
  const count = tokensAfter({ rounds, tokens });
  let ended = false;
  const step = async (child, some, setting) => {
    const got = await child.request("step", { count: some, setting });
    if (got.tokens < some) ended = true;
    return (got.tokens * 1000) / got.ms;
  };
  const half = Math.ceil(tokens / 2);
  await ours.request("open", { ids, count });
  await step(ours, half);
  await step(ours, half);
  if (ended) return null;
  for (const setting of settings) await peer.request("open", { ids, count, setting });
  const setting = await fastest(settings, (one) => step(peer, half, one));
  const pairs = [];
  for (let round = 0; round < rounds; round++) {
    pairs.push({ ours: await step(ours, tokens), peer: await step(peer, tokens, setting) });
    if (ended) return null;
  }
  return { name: `decode after ${depth}`, unit: "tok/s", pairs, setting };
}

/** The setting with the fastest of two runs, which are also the warm-up. */
async function fastest(settings, run) {
  const best = settings.map(() => 0);
  for (let turn = 0; turn < 2; turn++) {
    for (const [i, setting] of settings.entries()) best[i] = Math.max(best[i], await run(setting));
  }
  return settings[best.indexOf(Math.max(...best))];
}
