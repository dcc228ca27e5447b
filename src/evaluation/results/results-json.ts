/** The results of an evaluation as one JSON object with lm-evaluation-harness' keys, and what is this program's own beside them. */
import type { TaskResult } from "../run/evaluation.js";
import type { Task, TaskGroup } from "../tasks/task.js";
import { type FigureRow, leaves } from "./figures.js";
import { taskHash } from "./sample-lines.js";

/** What a run says of itself. */
export interface RunFacts {
  modelName: string;
  /** As lm-evaluation-harness writes model arguments: name=value, with commas. */
  modelArgs: string;
  version: string;
  dtype: string;
  /** Of keys and values. */
  kvDtype: string;
  worldSize: number;
  maxLength: number;
  addBos: string;
  seed: number;
  limit: number | null;
  /** Part i of n of the documents, else null. */
  shard: { index: number; count: number } | null;
  /** Name and checksum of each file of the model; empty where they were not read for it. */
  files: { file: string; sha256: string }[];
  /** Size of a known model of the paper, such as "7B". */
  paperModel: string | null;
  seconds: number;
  /** Seconds since 1970. */
  date: number;
  tokens: { alone: number; computed: number; reused: number; generated: number };
}

export interface Outcome {
  results: readonly TaskResult[];
  groups: readonly TaskGroup[];
  rows: readonly FigureRow[];
  facts: RunFacts;
}

/** The whole, as results_TIME.json has it. */
export function resultsJson({ results, groups, rows, facts }: Outcome): Record<string, unknown> {
  const tasks = results.map(({ task }) => task);
  const byName = <T>(value: (result: TaskResult) => T) =>
    Object.fromEntries(results.map((result) => [result.task.name, value(result)]));
  const figuresOf = (name: string, isGroup: boolean) =>
    Object.fromEntries(
      rows
        .filter((row) => row.name === name && row.isGroup === isGroup)
        .flatMap(({ metric, filter, value, stderr }) => [
          [`${metric},${filter}`, value],
          [`${metric}_stderr,${filter}`, stderr ?? "N/A"],
        ]),
    );
  const scoredGroups = groups.filter(({ name }) => rows.some((row) => row.isGroup && row.name === name));
  const groupResults = scoredGroups.map(({ name, alias = name }) => {
    const count = rows.find((row) => row.isGroup && row.name === name)!.count;
    return [name, { name, alias, sample_len: count, ...figuresOf(name, true) }] as const;
  });
  const { limit, seed, shard } = facts;
  return {
    results: {
      ...byName(({ task: { name, alias = name }, documents }) => ({
        ...{ name, alias, sample_len: documents.filter(({ scored }) => scored).length },
        ...figuresOf(name, false),
      })),
      ...Object.fromEntries(groupResults),
    },
    ...(groupResults.length > 0 && { groups: Object.fromEntries(groupResults) }),
    group_subtasks: Object.fromEntries(groups.map((group) => [group.name, leaves(group, groups)])),
    configs: byName(({ task, shots }) => config(task, shots)),
    versions: byName(({ task }) => task.version),
    "n-shot": byName(({ shots }) => shots),
    higher_is_better: Object.fromEntries(tasks.map((task) => [task.name, directions(task)])),
    "n-samples": byName(({ original, documents }) => ({ original, effective: documents.length })),
    config: {
      ...{ model: "llama-ts", model_args: facts.modelArgs, batch_size: null, batch_sizes: [], device: "cpu" },
      ...{ use_cache: null, limit, bootstrap_iters: 0, gen_kwargs: null },
      ...{ random_seed: 0, numpy_seed: 1234, torch_seed: 1234, fewshot_seed: seed },
    },
    date: facts.date,
    task_hashes: byName(taskHash),
    model_source: "llama-ts",
    model_name: facts.modelName,
    model_name_sanitized: sanitized(facts.modelName),
    ...{ system_instruction: null, fewshot_as_multiturn: false, chat_template: null },
    total_evaluation_time_seconds: String(facts.seconds),
    llama_ts: {
      ...{
        version: facts.version,
        dtype: facts.dtype,
        kv_dtype: facts.kvDtype,
        world_size: facts.worldSize,
        max_length: facts.maxLength,
      },
      ...{ add_bos: facts.addBos, shard, paper_model: facts.paperModel, files: facts.files, tokens: facts.tokens },
      data: byName(({ files }) => files),
      failed: byName(({ documents }) => documents.filter(({ error }) => error).length),
      intervals: intervals(rows),
    },
  };
}

/** lm-evaluation-harness' rule for a name in a path. */
export function sanitized(name: string): string {
  return name.replace(/["<>:/|\\?*[\]]+/g, "__");
}

/** The part of a task's definition that its results depend on. */
function config(task: Task, shots: number): Record<string, unknown> {
  const { name, source, split, description, targetDelimiter, fewshotDelimiter, output, version, title, licence } = task;
  return {
    ...{ task: name, dataset_path: source, test_split: split, description, num_fewshot: shots },
    ...{ target_delimiter: targetDelimiter, fewshot_delimiter: fewshotDelimiter, output_type: output, repeats: 1 },
    metric_list: Object.keys(Object.values(task.metrics)[0] ?? {}).map((metric) => ({ metric })),
    metadata: { version, title, licence },
  };
}

function directions(task: Task): Record<string, boolean> {
  const metrics = Object.values(task.metrics).flatMap((one) => Object.entries(one));
  return Object.fromEntries(metrics.map(([name, { higherIsBetter }]) => [name, higherIsBetter ?? false]));
}

/** { TASK: { "acc,none": [low, high] } } */
function intervals(rows: readonly FigureRow[]): Record<string, Record<string, unknown>> {
  const names = [...new Set(rows.map(({ name }) => name))];
  const of = (name: string) => rows.filter((row) => row.name === name && row.interval);
  const named = (name: string) => of(name).map(({ metric, filter, interval }) => [`${metric},${filter}`, interval]);
  return Object.fromEntries(names.map((name) => [name, Object.fromEntries(named(name))]));
}
