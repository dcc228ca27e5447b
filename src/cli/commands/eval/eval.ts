/** The command `eval`: reads the data, asks the model what has no answer yet, and writes the results. */
import { resolveKvType } from "../../../engine/attention/resolve-kv-type.js";
import { LlamaError } from "../../../error.js";
import { type Selection, selectTasks } from "../../../evaluation/benchmarks/registry.js";
import { figures } from "../../../evaluation/results/figures.js";
import { modelFolder, writeOutcome } from "../../../evaluation/results/output-files.js";
import { type Outcome, type RunFacts, resultsJson } from "../../../evaluation/results/results-json.js";
import { Evaluation } from "../../../evaluation/run/evaluation.js";
import { RequestEncoder } from "../../../evaluation/run/request-encoder.js";
import { type EvalModel, runWork } from "../../../evaluation/run/run-work.js";
import { type PlannedTask, planTasks } from "../../../evaluation/run/task-plan.js";
import { planWork } from "../../../evaluation/run/work-plan.js";
import type { Task } from "../../../evaluation/tasks/task.js";
import { plural } from "../../../formats/files/amounts.js";
import { findModel } from "../../../generation/loading/open-model.js";
import { GenerationStats, type Llama } from "../../../index.js";
import { chooseModel, type ModelChoice, noteDemo } from "../../model/choose-model.js";
import { requestLimits, withModel } from "../../model/load.js";
import { type CommandFrame, runCommand, UNLIMITED } from "../../model/run-command.js";
import { parseShard, type Shard } from "../../options/shard.js";
import { checkNoNodes } from "../../queue/queue-flags.js";
import { withQueuedModel } from "../../queue/with-queued-model.js";
import { EXIT_OK } from "../../terminal/exit-code.js";
import { printNote } from "../../terminal/notes.js";
import { StatusLine } from "../../terminal/status-line.js";
import { packageVersion } from "../../terminal/version.js";
import { AnswerFile } from "./answer-file.js";
import type { EvalFlags } from "./eval-flags.js";
import { announce, EvalProgress } from "./eval-progress.js";
import { evalTable } from "./eval-table.js";
import { type FileSum, fileSums, identityOf, modelName, paperModel } from "./model-facts.js";

const EXIT_SOME_FAILED = 1;

/** What a run begins with. */
interface Prepared {
  selection: Selection;
  planned: PlannedTask[];
  shard: Shard | null;
  model: ModelChoice;
  sums: FileSum[];
  /** Where results go; null: only to stdout. */
  folder: string | null;
}

/** Runs the command and returns the exit code. */
export async function evaluate(flags: EvalFlags): Promise<number> {
  checkNoNodes(flags);
  return runCommand(
    flags,
    async (frame) => {
      const prepared = await prepare(flags, frame);
      const { folder, shard, model } = prepared;
      const answers = folder === null ? null : await AnswerFile.open(folder, shard, flags);
      try {
        const limits = requestLimits(flags);
        const use = { model, flags, logs: frame.logs, limits, signal: frame.signal, startEngine: frame.startEngine };
        const outcome = await (flags.queue === undefined
          ? withModel(use, (llama) => ask({ ...partsOf(llama), llama }, llama, prepared, answers, flags, frame))
          : withQueuedModel(flags, model, frame.signal, (text, queued) =>
              ask({ ...partsOf(text), llama: null }, queued, prepared, answers, flags, frame),
            ));
        return await finish(outcome, prepared, flags, frame);
      } finally {
        await answers?.close();
        if (frame.interrupt.exitCode !== null && folder !== null && !flags.quiet) {
          printNote("Interrupted. Run the same line with --resume to continue.");
        }
      }
    },
    UNLIMITED,
  );
}

/** Reads what can be wrong before the model is loaded. */
async function prepare(flags: EvalFlags, { signal }: CommandFrame): Promise<Prepared> {
  const { tasks, data, output, resume, overwrite, log_samples, num_fewshot, limit, seed, quiet } = flags;
  if (tasks === undefined)
    throw new LlamaError("usage", "--tasks is missing", { fix: "`llama-ts eval list` shows them" });
  if (data === undefined)
    throw new LlamaError("usage", "--data is missing", { fix: "Name the folder with the files of the tasks" });
  if (output === undefined && (resume || overwrite || log_samples)) {
    throw new LlamaError(
      "usage",
      `${resume ? "--resume" : overwrite ? "--overwrite" : "--log_samples"} needs --output`,
    );
  }
  const names = tasks.split(",").map((name) => name.trim());
  const selection = selectTasks(names.filter((name) => name !== ""));
  if (selection.tasks.length === 0) throw new LlamaError("usage", "--tasks names no task");
  // A group without a figure of its own only means its members: data that divide otherwise lack some of them.
  const plain = new Set(
    selection.groups.filter(({ metrics }) => metrics.length === 0).flatMap(({ members }) => members),
  );
  const leaveOut = ({ name }: Task) => {
    if (names.includes(name) || !plain.has(name)) return false;
    if (!quiet) printNote(`${name} is left out: the data have no document of it.`);
    return true;
  };
  const shard = flags.shard === undefined ? null : parseShard(flags.shard, process.env);
  const planned = await planTasks(data, selection.tasks, {
    ...{ seed, ...(num_fewshot !== undefined && { shots: num_fewshot }) },
    ...{ ...(limit !== undefined && { limit }), ...(shard && { shard }), leaveOut },
  });
  const model = chooseModel(flags);
  noteDemo(model, flags);
  const files = findModel(model);
  const sums = output === undefined ? [] : await fileSums(files, signal, !quiet);
  const folder = output === undefined ? null : modelFolder(output, modelName(model));
  return { selection, planned, shard, model, sums, folder };
}

/** What is said of a model; `llama`: the one that is loaded here, if it is. */
interface AskedModel extends Pick<Llama, "dtype" | "worldSize" | "maxSeqLen" | "config"> {
  llama: Llama | null;
}

function partsOf(model: Pick<Llama, "dtype" | "maxSeqLen" | "config"> & { worldSize?: number }) {
  const { dtype, maxSeqLen, config, worldSize = 0 } = model;
  return { dtype, maxSeqLen, config, worldSize };
}

/** Gets all answers that are not known, and scores the documents. Throws the signal's reason after an interrupt. */
async function ask(
  { llama, dtype, worldSize, maxSeqLen, config }: AskedModel,
  asked: EvalModel,
  { selection, planned, shard, model, sums }: Prepared,
  answers: AnswerFile | null,
  flags: EvalFlags,
  { signal }: CommandFrame,
): Promise<Outcome> {
  const { add_bos, quiet, seed, limit } = flags;
  const kvDtype = resolveKvType(flags.kv_dtype, dtype, config);
  const settings = { model: identityOf(sums), dtype, kv_dtype: kvDtype, add_bos, max_seq_len: maxSeqLen };
  await answers?.begin(settings);
  const start = performance.now();
  const stats = new GenerationStats();
  const evaluation = new Evaluation(planned, answers?.known);
  const encoder = new RequestEncoder(asked.tokenizer, maxSeqLen, add_bos);
  const plan = await plannedWork(evaluation, encoder, signal, !quiet);
  if (!quiet) await announce(llama, planned, evaluation, plan, signal);
  const progress = new EvalProgress(!quiet, evaluation, plan);
  try {
    for await (const { key, response, error, cost, task } of runWork(asked, plan, { signal, stats })) {
      if (error) evaluation.fail(key, error);
      else {
        evaluation.answer(key, response);
        await answers?.add(key, response);
      }
      progress.add(task, cost, stats);
    }
  } finally {
    progress.clear();
  }
  if (!quiet) printNote(progress.summary(stats));
  const { promptTokens: computed, reusedTokens: reused, generatedTokens: generated } = stats;
  const name = modelName(model);
  const facts: RunFacts = {
    ...{ modelName: name, modelArgs: `ckpt_dir=${name},dtype=${dtype},max_seq_len=${maxSeqLen}` },
    ...{ version: packageVersion(), dtype, kvDtype, worldSize, maxLength: maxSeqLen, addBos: add_bos, seed },
    ...{ limit: limit ?? null, shard, files: sums, paperModel: paperModel({ config }) },
    ...{ seconds: (performance.now() - start) / 1000, date: Date.now() / 1000 },
    tokens: { alone: plan.cost.alone, computed, reused, generated },
  };
  const { results } = evaluation;
  const { groups } = selection;
  return { results, groups, rows: figures(results, groups), facts };
}

/** Plans what must run; the encoding of many texts takes a while. */
async function plannedWork({ requests }: Evaluation, encoder: RequestEncoder, signal: AbortSignal, isShown: boolean) {
  const status = new StatusLine(isShown);
  const onProgress = (documents: number) => status.show(`Encoded ${documents} documents`);
  return planWork(requests, encoder, { signal, onProgress }).finally(() => status.clear());
}

/** Writes and prints the results; returns the exit code. */
async function finish(
  outcome: Outcome,
  prepared: Prepared,
  flags: EvalFlags,
  { output }: CommandFrame,
): Promise<number> {
  if (prepared.folder !== null) {
    const [path] = await writeOutcome(prepared.folder, outcome, flags.log_samples === true);
    if (!flags.quiet) printNote(`Written to ${path}`);
  }
  await output.write(flags.json ? `${JSON.stringify(resultsJson(outcome))}\n` : evalTable(outcome));
  const failed = outcome.results.flatMap(({ task, documents }) =>
    documents.filter(({ error }) => error).map(({ instance, error }) => ({ name: task.name, instance, error })),
  );
  const [first] = failed;
  if (first === undefined) return EXIT_OK;
  const { name, instance, error } = first;
  const where = `document ${instance.docId} of ${name}`;
  printNote(
    `${plural(failed.length, "document")} failed, and the figures are those of the others: ${where}: ${error!.message}`,
  );
  return EXIT_SOME_FAILED;
}
