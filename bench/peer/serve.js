/**
 * Runs in the child: answers requests and measures time in the same way for both programs. A side has `load(options)`,
 * `eosId()`, `greedy(ids, count, setting)`, which yields ids one by one on request, and `batch(prompts, count, setting)`,
 * which runs all prompts at once and returns the number of new tokens. A side that runs ahead of its reader has `open(ids)`, up to
 * the first new token, and `run(count)`, which returns how many of the next tokens came, for what is timed.
 */

export function serve(side) {
  /** Unfinished texts by setting, as async iterators of ids. */
  const texts = new Map();

  const work = {
    /** Loads the model; `about` describes the side. */
    async load({ options }) {
      const start = performance.now();
      const about = await side.load(options);
      return { ms: performance.now() - start, about };
    },

    /** Measures the time from a process that has not yet imported the program to the first token. */
    async start({ options, ids }) {
      const { ms: loadMs } = await work.load({ options });
      const { ms: firstMs } = await work.open({ ids, count: 1 });
      return { loadMs, firstMs, ms: loadMs + firstMs };
    },

    /** Returns greedy ids up to the end of the text. */
    async text({ ids, count }) {
      const got = [];
      for await (const id of side.greedy(ids, count)) {
        if (id === side.eosId()) break;
        got.push(id);
      }
      return got;
    },

    /** Starts a text of at most `count` tokens: runs the prompt up to the first new token. */
    async open({ ids, count, setting }) {
      if (side.open) {
        const start = performance.now();
        await side.open(ids);
        return { ms: performance.now() - start };
      }
      await texts.get(setting)?.return();
      const text = side.greedy(ids, count, setting);
      texts.set(setting, text);
      const start = performance.now();
      const { done } = await text.next();
      if (done) throw new Error("the text ended before its first token");
      return { ms: performance.now() - start };
    },

    /** Runs the next `count` tokens of the text one by one, fewer if it ends. Does not include the prompt's time. */
    async step({ count, setting }) {
      const text = texts.get(setting);
      let tokens = 0;
      const start = performance.now();
      if (side.run) tokens = await side.run(count);
      else while (tokens < count && !(await text.next()).done) tokens++;
      return { tokens, ms: performance.now() - start };
    },
  };

  /** Runs many prompts at once; measures from the start of prefill to the last new token. */
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
