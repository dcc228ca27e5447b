/** HumanEval and MBPP: programs in the form that the official runners read. They are never run here. */
import { TEXT, TEXTS } from "../data/columns.js";
import { mbppFile } from "../originals/mbpp-file.js";
import { answerTask, type Sampling, textsOf } from "../tasks/answer-task.js";
import type { Doc, EvalResponse, PaperFigure, PaperValues, Task } from "../tasks/task.js";
import { MBPP_EXAMPLES } from "./mbpp-examples.js";

/** Table 8 of the paper; the official runner's results give the figure. */
const figure = (metric: string, shots: number, temperature: number, values: PaperValues): PaperFigure[] => [
  { metric, values, shots, setting: `table 8, temperature ${temperature}` },
];

/** The official runners read one line for each completion. */
const completions = (doc: Doc, responses: readonly EvalResponse[]) =>
  textsOf(responses).map((completion) => ({ task_id: doc.task_id, completion }));

/** What sampled programs are sampled with, as in the paper. */
const sampled = (samples: number): { sampling?: Sampling } =>
  samples === 1 ? {} : { sampling: { count: samples, temperature: 0.8, topP: 0.95 } };

const kwargs = (samples: number, until: readonly string[], rest: Record<string, unknown> = {}) => ({
  until,
  ...rest,
  do_sample: samples > 1,
  ...(samples > 1 && { temperature: 0.8, top_p: 0.95 }),
});
const named = (name: string, samples: number) => (samples === 1 ? name : `${name}@${samples}`);

const HUMANEVAL_STOPS = ["\nclass", "\ndef", "\n#", "\nif", "\nprint"];
const HUMANEVAL_LENGTH = 1024;

export const humanEval = (samples: number): Task =>
  answerTask({
    name: named("humaneval", samples),
    version: 1,
    title: "HumanEval: Python functions, to be run by the official runner",
    source: "openai/openai_humaneval",
    licence: "MIT",
    data: {
      folders: ["humaneval"],
      downloads: ["openai_humaneval", "human-eval"],
      configs: ["openai_humaneval"],
      columns: { task_id: TEXT, prompt: TEXT },
      files: { test: ["HumanEval.jsonl", "HumanEval.jsonl.gz", "data/HumanEval.jsonl.gz"] },
    },
    split: "test",
    examples: { from: "test" },
    excludesDocument: false,
    hasFixedShots: true,
    text: ({ prompt }) => prompt as string,
    target: ({ test, entry_point }) => `${test}\ncheck(${entry_point})`,
    until: HUMANEVAL_STOPS,
    maxGenToks: HUMANEVAL_LENGTH,
    ...sampled(samples),
    generationKwargs: kwargs(samples, HUMANEVAL_STOPS, { max_gen_toks: HUMANEVAL_LENGTH }),
    filters: [],
    completions,
    paper:
      samples === 1
        ? figure("pass@1", 0, 0.1, [10.5, 15.8, 21.7, 23.7])
        : figure("pass@100", 0, 0.8, [36.5, 52.5, 70.7, 79.3]),
  });

const tests = (doc: Doc) => (doc.test_list as string[]).slice(0, 3).join("\n");
const MBPP_STOPS = ["[DONE]"];

export const mbpp = (samples: number): Task =>
  answerTask({
    name: named("mbpp", samples),
    version: 1,
    title: "MBPP: small Python programs, to be run by the official runner",
    source: "google-research-datasets/mbpp",
    licence: "CC BY 4.0",
    data: {
      folders: ["mbpp"],
      configs: ["full"],
      columns: { text: TEXT, test_list: TEXTS },
      originals: [mbppFile("mbpp.jsonl")],
    },
    split: "test",
    examples: { fixed: MBPP_EXAMPLES },
    excludesDocument: false,
    defaultShots: MBPP_EXAMPLES.length,
    text: (doc) =>
      `You are an expert Python programmer, and here is your task: ${doc.text} Your code should pass these tests:\n\n${tests(doc)}\n[BEGIN]\n`,
    target: tests,
    exampleAnswer: ({ code }) => `${code}\n[DONE]`,
    targetDelimiter: "",
    until: MBPP_STOPS,
    ...sampled(samples),
    generationKwargs: kwargs(samples, MBPP_STOPS),
    filters: [],
    completions,
    paper:
      samples === 1
        ? figure("pass@1", 3, 0.1, [17.7, 22.0, 30.2, 37.7])
        : figure("pass@80", 3, 0.8, [56.2, 64.0, 73.4, 76.8]),
  });
