/** Formats the report of `queue status` for a human: a line a model, a job with answers, a worker. */
import { plural, showBytes } from "../../../formats/files/amounts.js";
import { duration } from "../../json-lines/line-progress.js";
import type { ModelReport, QueueReport, WorkerReport } from "./queue-report.js";

export function statusText({ server, models, jobs, workers }: QueueReport): string {
  const lines = models.flatMap((model) => [
    modelLine(model),
    ...workers.filter((worker) => worker.model === model.model).map(workerLine),
  ]);
  for (const { job, answers, bytes, oldest_s } of jobs) {
    const age = oldest_s === null ? "" : `, the oldest ${duration(oldest_s)} old`;
    lines.push(`job ${job}: ${plural(answers, "answer")} not collected yet (${showBytes(bytes)}${age})`);
  }
  if (models.length === 0) lines.push("No request was ever submitted, and no worker answers.");
  return `${lines.join("\n")}\nnats-server ${server}\n`;
}

function modelLine(report: ModelReport): string {
  const { model, waiting, running, redelivered, oldest_s, urgent_waiting, urgent_running, workers, tok_s } = report;
  const urgent = urgent_waiting + urgent_running;
  const parts = [
    `${waiting} waiting`,
    `${running} running`,
    ...(redelivered > 0 ? [`${redelivered} of a lost worker`] : []),
    ...(urgent > 0 ? [`${urgent} of them of serve`] : []),
    ...(oldest_s !== null ? [`the oldest ${duration(oldest_s)} old`] : []),
  ];
  return `model ${model}: ${parts.join(", ")} · ${plural(workers, "worker")}, ${tok_s} tok/s`;
}

function workerLine({ worker, dtype, version, running, concurrency, tok_s }: WorkerReport): string {
  return `  worker ${worker}: ${running} of ${concurrency} running, ${tok_s} tok/s (${dtype}, llama-ts ${version})`;
}
