/** The command `queue status`: what waits and runs of each model, the answers that nobody has collected, and the workers. */
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type Net, type Streams } from "../../../net/nats/net.js";
import { WORKERS } from "../../../net/queue/layout.js";
import { serviceStream } from "../../../server/front/service-queue.js";
import { queueNetOptions } from "../../queue/net-options.js";
import type { QueueFlags } from "../../queue/queue-flags.js";
import { askWorkers, type WorkerStatus } from "../../queue/worker-status.js";
import { EXIT_OK } from "../../terminal/exit-code.js";
import { printNote } from "../../terminal/notes.js";
import { Output } from "../../terminal/output.js";
import type { ModelReport, QueueReport, WorkerReport } from "./queue-report.js";
import { statusText } from "./status-text.js";

/** Workers answer within this time, twice: their rate is what has changed. */
const ASK_MS = 300;
const RATE_MS = 1000;

/** Runs the command and returns the exit code. */
export async function queueStatus(flags: QueueFlags & { json?: true | undefined }): Promise<number> {
  const { options, warning } = queueNetOptions(flags, process.env, "llama-ts queue status");
  if (warning !== null) printNote(warning);
  const net = await connect(options);
  try {
    const report = await reportOf(net);
    const output = new Output(process.stdout, () => {});
    await output.write(flags.json ? `${JSON.stringify(report)}\n` : statusText(report));
    return EXIT_OK;
  } finally {
    await net.close();
  }
}

async function reportOf(net: Net): Promise<QueueReport> {
  const streams = await net.streams();
  const before = await askWorkers(net, ASK_MS);
  await sleep(before.length > 0 ? RATE_MS : 0);
  const after = before.length > 0 ? await askWorkers(net, ASK_MS) : [];
  const workers = after.map((worker) => workerReport(worker, before));
  const names = [...(await streams.streamNames("lts.req.>")), ...(await streams.streamNames("lts.now.>"))];
  const models = new Set([...names.map((name) => name.slice("LTS_REQ_".length)), ...workers.map(({ model }) => model)]);
  return {
    server: net.serverVersion,
    models: await Promise.all([...models].sort().map((model) => modelReport(streams, model, workers))),
    jobs: await jobReports(streams),
    workers,
  };
}

function workerReport(status: WorkerStatus, before: readonly WorkerStatus[]): WorkerReport {
  const { name: worker, model, dtype, version, running, rows: concurrency } = status;
  const old = before.find((one) => one.name === worker && one.model === model);
  const seconds = old ? status.seconds - old.seconds : 0;
  const rate = old && seconds > 0 ? Math.max(0, status.tokens - old.tokens) / seconds : 0;
  return { worker, model, dtype, version, running, concurrency, tok_s: Math.round(rate * 10) / 10 };
}

async function modelReport(streams: Streams, model: string, workers: readonly WorkerReport[]): Promise<ModelReport> {
  const of = async (name: string) => {
    const [consumer, stream] = [await streams.consumerState(name, WORKERS), await streams.streamState(name)];
    return { consumer, oldest: ageOf(stream?.firstAt ?? null) };
  };
  const [all, urgent] = [await of(`LTS_REQ_${model}`), await of(serviceStream(model).name)];
  const sum = (key: "pending" | "unacked" | "redelivered") =>
    (all.consumer?.[key] ?? 0) + (urgent.consumer?.[key] ?? 0);
  const own = workers.filter((worker) => worker.model === model);
  const ages = [all.oldest, urgent.oldest].filter((age) => age !== null);
  return {
    ...{ model, waiting: sum("pending"), running: sum("unacked"), redelivered: sum("redelivered") },
    oldest_s: ages.length > 0 ? Math.max(...ages) : null,
    ...{ urgent_waiting: urgent.consumer?.pending ?? 0, urgent_running: urgent.consumer?.unacked ?? 0 },
    ...{ workers: own.length, tok_s: Math.round(own.reduce((rate, { tok_s }) => rate + tok_s, 0) * 10) / 10 },
  };
}

async function jobReports(streams: Streams): Promise<QueueReport["jobs"]> {
  const jobs: QueueReport["jobs"] = [];
  for (const name of (await streams.streamNames("lts.ans.>")).sort()) {
    const state = await streams.streamState(name);
    if (!state) continue;
    const { messages: answers, bytes, firstAt } = state;
    jobs.push({ job: name.slice("LTS_ANS_".length), answers, bytes, oldest_s: ageOf(firstAt) });
  }
  return jobs;
}

function ageOf(firstAt: number | null): number | null {
  return firstAt === null ? null : Math.max(0, Math.round((Date.now() - firstAt) / 1000));
}
