/**
 * The child's end of the comparison: one stopwatch for both programs. A side is `load(options)`, `eosId()` and
 * `greedy(ids, count, setting)`, which hands out ids one by one as they are asked for; `batch(prompts, count, setting)` runs all
 * prompts at once and returns the number of new tokens.
 */

export function serve(side) {
  /** Texts begun and not ended, by setting: [async iterator of ids]. */
  const texts = new Map();

  const work = {
    /** Loads the model; `about` is what the side says about itself. */
    async load({ options }) {
      const start = performance.now();
      const about = await side.load(options);
      return { ms: performance.now() - start, about };
    },

    /** From a process that has not even imported the program to the first token. */
    async start({ options, ids }) {
      const { ms: loadMs } = await work.load({ options });
      const { ms: firstMs } = await work.open({ ids, count: 1 });
      return { loadMs, firstMs, ms: loadMs + firstMs };
    },

    /** Greedy ids up to the end of the text. */
    async text({ ids, count }) {
      const got = [];
      for await (const id of side.greedy(ids, count)) {
        if (id === side.eosId()) break;
        got.push(id);
      }
      return got;
    },

    /** Begins a text of at most `count` tokens: the prompt runs, and the first token comes out of it. */
    async open({ ids, count, setting }) {
      await texts.get(setting)?.return();
      const text = side.greedy(ids, count, setting);
      texts.set(setting, text);
      const start = performance.now();
      const { done } = await text.next();
      if (done) throw new Error("the text ended before its first token");
      return { ms: performance.now() - start };
    },

    /** The next `count` tokens of the text, one by one; fewer when it ends. The prompt is no part of the time. */
    async step({ count, setting }) {
      const text = texts.get(setting);
      let tokens = 0;
      const start = performance.now();
      while (tokens < count && !(await text.next()).done) tokens++;
      return { tokens, ms: performance.now() - start };
    },
  };

  /** Many prompts at once, from the first token of a prompt to the last of a text. */
  work.batch = async ({ prompts, count, setting }) => {
    const start = performance.now();
    const tokens = await side.batch(prompts, count, setting);
    return { tokens, ms: performance.now() - start };
  };

  process.on("message", async ({ kind, ...request }) => {
    try {
      process.send({ result: await work[kind](request) });
    } catch (error) {
      process.send({ error: error?.stack ?? String(error) });
    }
  });
  process.on("disconnect", () => process.exit());
}
