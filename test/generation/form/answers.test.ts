/** Answers in a form by the library: every way of sampling, stops, prompt lookup, batches, cancelling, conversations; the demo model. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type BatchRequest, type Completion, type GenerateOptions, Llama, LlamaError } from "../../../src/index.js";
import { demo } from "../../folders.js";

const PERSON = {
  type: "object",
  properties: {
    name: { type: "string", maxLength: 10 },
    likes_ice_cream: { type: "boolean" },
    favourite_animal: { enum: ["cat", "dog"] },
  },
  required: ["name", "likes_ice_cream", "favourite_animal"],
  additionalProperties: false,
};
const form = { jsonSchema: PERSON };

let llama: Llama;
describe("answers in a form", () => {
  before(async () => {
    llama = await Llama.build({ ckptDir: demo, nprocPerNode: 1, maxSeqLen: 256 });
  });
  after(() => llama.close());

  async function complete(
    options: GenerateOptions,
    prompt: string | number[] = "Once upon a time",
  ): Promise<Completion> {
    for await (const { done } of llama.stream(prompt, { maxGenLen: 100, ...options })) if (done) return done;
    throw new Error("no end");
  }

  function checkPerson({ text, formComplete, finishReason }: Completion): void {
    const person = JSON.parse(text) as Record<string, unknown>;
    assert.deepEqual(Object.keys(person), PERSON.required, text);
    assert.ok([...(person.name as string)].length <= 10, text);
    assert.deepEqual([formComplete, finishReason], [true, "stop"]);
  }

  test("with every way of sampling, penalties and biases", async () => {
    const ways: GenerateOptions[] = [
      { temperature: 0 },
      { temperature: 1, topP: 1 },
      { temperature: 2, topK: 5 },
      { temperature: 1, minP: 0.2 },
      { temperature: 0.7, topP: 0.5, repetitionPenalty: 1.5, presencePenalty: 2, frequencyPenalty: -2 },
      { temperature: 1, logitBias: { 300: 50, 301: Number.NEGATIVE_INFINITY } },
    ];
    for (const way of ways) checkPerson(await complete({ form, seed: 4, ...way }));
  });

  test("log-probabilities stay those of the model, without the form", async () => {
    const bound = await complete({ form, temperature: 0, logprobs: true, topLogprobs: 1 });
    const [first] = bound.logprobs!;
    const raw = await llama.logits(bound.promptIds);
    const max = raw.reduce((most, one) => Math.max(most, one), Number.NEGATIVE_INFINITY);
    const sum = raw.reduce((all, one) => all + Math.exp(one - max), 0);
    assert.ok(Math.abs(first!.logprob! - (raw[first!.id]! - max - Math.log(sum))) < 1e-4);
    // The most likely token begins no JSON.
    assert.ok(first!.top[0]!.logprob > first!.logprob!);
  });

  test("forced tokens save steps and never change the text", async () => {
    const steps = (completion: Completion) => completion.timings.tokensPerStep;
    for (const temperature of [0, 1]) {
      const options = { form, temperature, seed: 11, cachePrompt: false };
      const drafted = await complete(options);
      // With a prompt that keeps running beside it, no step has drafts.
      const alone = await complete({ ...options, promptLookupNumTokens: 0 });
      assert.equal(drafted.text, alone.text);
      assert.ok(steps(drafted)! > 1.2, String(steps(drafted)));
    }
  });

  test("prompt lookup drafts nothing that the form forbids, and leaves the text as it is", async () => {
    const prompt = "[1, 2, 3, 4, 5]\n[1, 2, 3, 4, 5]\n";
    const list = {
      jsonSchema: { type: "array", items: { type: "integer", minimum: 0, maximum: 3 }, minItems: 6, maxItems: 6 },
    };
    const texts = await Promise.all(
      [0, "auto", 10].map(async (promptLookupNumTokens) => {
        const options = { form: list, temperature: 0, promptLookupNumTokens: promptLookupNumTokens as number | "auto" };
        return (await complete(options, prompt)).text;
      }),
    );
    assert.equal(new Set(texts).size, 1, texts.join("\n"));
    assert.match(texts[0]!, /^\[[0-3](, [0-3]){5}\]$/);
  });

  test("an answer that is cut says that its form is not complete", async () => {
    for (const options of [{ maxGenLen: 3 }, { stop: "name" }, { maxGenLen: 0 }]) {
      const { formComplete } = await complete({ form, temperature: 0, ...options });
      assert.equal(formComplete, false, JSON.stringify(options));
    }
    assert.equal((await complete({ maxGenLen: 3 })).formComplete, null);
    const open = await complete({ form: { regex: "[a-z ]*" }, maxGenLen: 3 });
    assert.deepEqual([open.formComplete, open.finishReason], [true, "length"]);
  });

  test("a form may begin at the very start of a text, where SentencePiece drops a space", async () => {
    for (const prompt of [[1], "Hello"] as const) {
      const { text } = await complete(
        { form: { regex: "[A-Za-z]{3,9}( [a-z]{2,9}){3}\\." }, temperature: 1, seed: 2 },
        prompt as string,
      );
      assert.match(text, /^[A-Za-z]{3,9}( [a-z]{2,9}){3}\.$/);
    }
  });

  test("a form that leaves no token, or forbids them with biases, ends with an error that says so", async () => {
    const control = { regex: "\u{10FFFE}+" };
    assert.equal((await complete({ form: control, maxGenLen: 4 })).formComplete, true);
    const { ids } = await complete({ form: { regex: "no" }, temperature: 0 });
    const all = Object.fromEntries(Array.from({ length: 2048 }, (_, id) => [id, Number.NEGATIVE_INFINITY]));
    assert.ok(ids.length > 0);
    await assert.rejects(complete({ form: { regex: "no" }, logitBias: all }), /no finite number.*form/);
  });

  test("wrong forms are refused before anything runs", async () => {
    for (const [wrong, message] of [
      [{ regex: "(" }, /^regex: is not a regular expression/],
      [{ jsonSchema: { type: "object", properties: { a: { not: {} } } } }, /^json_schema #\/properties\/a\/not: /],
      [{ jsonSchema: true, regex: "a" }, /^form: more than one form/],
      ["json", /^form: has the wrong type/],
    ] as const) {
      const options = { form: wrong as never };
      const isRight = (error: unknown) => error instanceof LlamaError && message.test(error.message);
      await assert.rejects(complete(options), isRight);
      await assert.rejects(async () => llama.submit({ prompt: "a", ...options }).next(), isRight);
      await assert.rejects(llama.prepareForm(wrong as never), isRight);
      await assert.rejects(llama.textCompletion(["a"], options), isRight);
    }
    assert.deepEqual({ ...llama.requestCounts, kept: 0, kvBytes: 0 }, { running: 0, waiting: 0, kept: 0, kvBytes: 0 });
  });

  test("a batch has a form of its own in each row, and rows without one", async () => {
    const requests = Array.from({ length: 24 }, (_, i): BatchRequest<number> => {
      const forms = [form, { regex: `row ${i}: [a-z ]{5,10}!` }, undefined];
      const own = forms[i % 3];
      return {
        tag: i,
        prompt: "One day",
        options: { ...(own && { form: own }), temperature: 1, seed: i, maxGenLen: 80 },
      };
    });
    let count = 0;
    for await (const { tag, completion, error } of llama.batch(requests)) {
      assert.equal(error, null);
      count++;
      const { text, formComplete } = completion!;
      if (tag % 3 === 0) checkPerson(completion as Completion);
      else if (tag % 3 === 1) assert.match(text, new RegExp(`^row ${tag}: [a-z ]{5,10}!$`));
      else assert.equal(formComplete, null);
    }
    assert.equal(count, 24);
  });

  test("a cancelled answer leaves the others as they are", async () => {
    const control = new AbortController();
    const cancelled = (async () => {
      let text = "";
      for await (const event of llama.stream("One day", {
        form: { jsonObject: true },
        signal: control.signal,
        seed: 1,
      })) {
        text += event.text;
        if (text.length > 5) control.abort();
        if (event.done) return event.done;
      }
      throw new Error("no end");
    })();
    checkPerson(await complete({ form, temperature: 1, seed: 5 }));
    const { finishReason, formComplete } = await cancelled;
    assert.deepEqual([finishReason, formComplete], ["abort", false]);
  });

  test("conversations and Meta's methods take a form", async () => {
    const conversation = llama.conversation({ chat: "none" });
    for (const text of ["Lily said ", " and Tom said "]) {
      let done: Completion | null = null;
      for await (const event of conversation.send(text, { form: { regex: '"[A-Z][a-z ]{4,12}[.!]"' }, seed: 3 }))
        done = event.done ?? done;
      assert.match(done!.text, /^"[A-Z][a-z ]{4,12}[.!]"$/);
      assert.equal(done!.formComplete, true);
    }
    const predictions = await llama.textCompletion(["One day", "Tom"], {
      form: { regex: "[a-z]{2,6}( [a-z]{2,6}){2}" },
      temperature: 1,
      maxGenLen: 30,
    });
    for (const { generation } of predictions) assert.match(generation, /^[a-z]{2,6}( [a-z]{2,6}){2}$/);
  });
});
