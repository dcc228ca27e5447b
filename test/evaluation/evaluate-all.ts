/** Runs tasks on a model from their files to their scores, for the tests. */
import { Evaluation } from "../../src/evaluation/run/evaluation.js";
import { type BosRule, RequestEncoder } from "../../src/evaluation/run/request-encoder.js";
import { runWork } from "../../src/evaluation/run/run-work.js";
import { type PlanOptions, planTasks } from "../../src/evaluation/run/task-plan.js";
import { planWork, type WorkPlan } from "../../src/evaluation/run/work-plan.js";
import type { Task } from "../../src/evaluation/tasks/task.js";
import { GenerationStats, type Llama } from "../../src/index.js";

export async function evaluateAll(
  llama: Llama,
  folder: string,
  tasks: readonly Task[],
  options: PlanOptions,
  bos: BosRule = "auto",
): Promise<Evaluation & { plan: WorkPlan; stats: GenerationStats }> {
  const evaluation = new Evaluation(await planTasks(folder, tasks, options));
  const plan = await planWork(evaluation.requests, new RequestEncoder(llama.tokenizer, llama.maxSeqLen, bos));
  const stats = new GenerationStats();
  for await (const { key, response, error } of runWork(llama, plan, { stats })) {
    if (error) evaluation.fail(key, error);
    else evaluation.answer(key, response);
  }
  return Object.assign(evaluation, { plan, stats });
}
