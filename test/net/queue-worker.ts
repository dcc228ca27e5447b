/** A worker process, and jobs that a test fills by itself, for the tests of the queue. */
import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type Net, type Streams } from "../../src/net/nats/net.js";
import { answerStream, COLLECTOR_CONSUMER, newJob, requestStream, workerConsumer } from "../../src/net/queue/layout.js";
import { BIN } from "../cli/cli-process.js";

/** A worker without a supervisor, and what it says. */
export class Worker {
  readonly #child: ChildProcess;
  said = "";
  readonly ended: Promise<number | null>;

  constructor(url: string, ...args: string[]) {
    this.#child = spawn(process.execPath, [BIN, "worker", "--queue", url, "--no_supervisor", "--verbose", ...args], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, LLAMA_TS_CONFIG: "" },
    });
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.said += text;
    });
    this.ended = new Promise((resolve) => this.#child.once("exit", resolve));
  }

  async says(what: RegExp): Promise<RegExpExecArray> {
    for (let i = 0; i < 2000; i++) {
      const found = what.exec(this.said);
      if (found) return found;
      await sleep(10);
    }
    throw new Error(`the worker does not say ${what}:\n${this.said}`);
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

/** Streams of a job of a model that the test makes up or that the worker has. */
export async function makeJob(url: string, model: string): Promise<{ net: Net; streams: Streams; job: string }> {
  const net = await connect({ servers: [url], name: "test" });
  const streams = await net.streams();
  const job = newJob();
  await streams.ensureStream(requestStream(model));
  await streams.ensureConsumer(requestStream(model).name, workerConsumer(1000));
  await streams.ensureStream(answerStream(job));
  await streams.ensureConsumer(answerStream(job).name, COLLECTOR_CONSUMER);
  return { net, streams, job };
}
