/** What `eval` says on stderr: the cost before it starts, progress with the time left, and what was computed. */
import type { Evaluation } from "../../../evaluation/run/evaluation.js";
import type { PlannedTask } from "../../../evaluation/run/task-plan.js";
import type { WorkPlan } from "../../../evaluation/run/work-plan.js";
import { plural } from "../../../formats/files/amounts.js";
import type { GenerationStats, Llama } from "../../../index.js";
import { duration, number } from "../../json-lines/line-progress.js";
import { printNote } from "../../terminal/notes.js";
import { StatusLine } from "../../terminal/status-line.js";

const SHOW_EVERY_MS = 200;
const LOG_EVERY_MS = 60_000;
/** Estimates from a shorter time are unreliable. */
const ESTIMATE_AFTER_MS = 2000;
/** Tokens of the pass that measures the rate, and the least work for which it is worth that. */
const [TRIAL_TOKENS, WORTH_TRIAL] = [256, 4096];

/** "1,000 documents, 4,000 requests: 98,000 tokens to compute (250,000 without shared prefixes), about 3 min at 540 tok/s" */
export async function announce(
  /** Null: others compute, how fast is not known. */
  llama: Llama | null,
  planned: readonly PlannedTask[],
  { requests }: Evaluation,
  { cost, passes, texts }: WorkPlan,
  signal: AbortSignal,
): Promise<void> {
  const documents = planned.reduce((sum, { instances }) => sum + instances.length, 0);
  const rate =
    llama && cost.computed >= WORTH_TRIAL ? await prefillRate(llama, passes[0]?.context ?? texts[0]!.promptIds) : null;
  signal.throwIfAborted();
  const parts = [`${number(cost.computed)} tokens to compute (${number(cost.alone)} without shared prefixes)`];
  if (cost.generated > 0) parts.push(`at most ${number(cost.generated)} new ones`);
  if (rate !== null) parts.push(`about ${duration(cost.computed / rate)} at ${number(Math.round(rate))} tok/s`);
  const [first, ...rest] = parts;
  const tail = cost.generated > 0 && rate !== null ? ", new tokens not counted" : "";
  printNote(
    `${plural(documents, "document", number)}, ${plural(requests.length, "request", number)}: ${[first, ...rest].join(", ")}${tail}`,
  );
}

/** Prompt tokens a second, measured by one pass. */
async function prefillRate(llama: Llama, ids: readonly number[]): Promise<number> {
  const trial = Array.from({ length: Math.min(TRIAL_TOKENS, llama.maxSeqLen) }, (_, i) => ids[i % ids.length]!);
  // The first pass of a process is slower.
  await llama.logits(trial.slice(0, 8));
  const start = performance.now();
  await llama.logits(trial.toReversed());
  return (trial.length * 1000) / (performance.now() - start);
}

export class EvalProgress {
  readonly #start = performance.now();
  readonly #isShown: boolean;
  readonly #status: StatusLine;
  readonly #evaluation: Evaluation;
  readonly #total: { requests: number; cost: number };
  #done = 0;
  #cost = 0;
  #shown = 0;
  #logged = performance.now();

  constructor(isShown: boolean, evaluation: Evaluation, { cost: { computed, generated } }: WorkPlan) {
    this.#isShown = isShown;
    this.#status = new StatusLine(isShown);
    this.#evaluation = evaluation;
    this.#total = { requests: evaluation.requests.length, cost: computed + generated };
  }

  /** Another request is done; `cost`: the planned tokens of what has run since the last one. */
  add(task: string, cost: number, stats: GenerationStats): void {
    this.#done++;
    this.#cost += cost;
    if (!this.#isShown) return;
    const now = performance.now();
    if (now - this.#shown >= SHOW_EVERY_MS) {
      this.#shown = now;
      this.#status.show(this.#text(task, stats));
    }
    if (now - this.#logged >= LOG_EVERY_MS && !process.stderr.isTTY) {
      this.#logged = now;
      printNote(this.#text(task, stats));
    }
  }

  clear(): void {
    this.#status.clear();
  }

  /** "4,000 requests: 98,012 tokens computed, 151,988 found in KV caches, 79 s" */
  summary({ promptTokens, reusedTokens, generatedTokens }: GenerationStats): string {
    const parts = [`${number(promptTokens)} tokens computed, ${number(reusedTokens)} found in KV caches`];
    if (generatedTokens > 0) parts.push(`${number(generatedTokens)} generated`);
    const seconds = (performance.now() - this.#start) / 1000;
    return `${plural(this.#done, "request", number)}: ${parts.join(", ")}, ${duration(seconds)}`;
  }

  /** "hellaswag · 1,204 of 40,168 requests · 312 tok/s · 2 h 3 min left · acc 0.4213" */
  #text(task: string, { promptTokens, generatedTokens }: GenerationStats): string {
    const ms = performance.now() - this.#start;
    const rate = ((promptTokens + generatedTokens) * 1000) / ms;
    const parts = [`${number(this.#done)} of ${number(this.#total.requests)} requests`];
    if (task !== "") parts.unshift(task);
    parts.push(`${number(Math.round(rate))} tok/s`);
    if (ms >= ESTIMATE_AFTER_MS && this.#cost > 0) {
      parts.push(`${duration(((this.#total.cost - this.#cost) / this.#cost) * (ms / 1000))} left`);
    }
    const running = this.#evaluation.running(task);
    if (running) parts.push(`${running.metric} ${(running.sum / running.count).toFixed(4)}`);
    return parts.join(" · ");
  }
}
