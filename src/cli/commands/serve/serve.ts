/** The command `serve`: opens the port, loads the model, answers until a signal or a failure, and ends in order. */
import { statSync, writeSync } from "node:fs";
import { basename, resolve } from "node:path";
import { LlamaError } from "../../../error.js";
import { plural } from "../../../formats/files/amounts.js";
import type { Llama } from "../../../index.js";
import { isLoopback } from "../../../server/http/access.js";
import { logLine } from "../../../server/http/request-log.js";
import { Server } from "../../../server/server.js";
import type { ServeSettings } from "../../../server/serving/serve-settings.js";
import type { ServerModel } from "../../../server/serving/server-model.js";
import { chatChoice } from "../../model/chat-choice.js";
import { chooseModel, type ModelChoice, noteDemo } from "../../model/choose-model.js";
import { withModel } from "../../model/load.js";
import { RankLogs } from "../../model/rank-logs.js";
import { runWithModel } from "../../model/run-command.js";
import type { StartEngine } from "../../model/run-nodes.js";
import type { SamplingFlags } from "../../options/flags.js";
import { samplingSettings } from "../../options/option-groups.js";
import { checkNoNodes } from "../../queue/queue-flags.js";
import { inheritedPort, reportState } from "../../supervisor/supervised.js";
import { EXIT_OK } from "../../terminal/exit-code.js";
import { Interrupt } from "../../terminal/interrupt.js";
import { printBug, printError, printNote } from "../../terminal/notes.js";
import { packageVersion } from "../../terminal/version.js";
import { readKeys, readTls } from "./api-keys.js";
import { pageFiles } from "./page-files.js";
import { PromptLog } from "./prompt-log.js";
import type { ServeFlags } from "./serve-flags.js";
import { withQueue } from "./with-queue.js";

/** Runs the command and returns the exit code: 0 if all answers were whole after the first signal, else that of the signal. */
export async function serve(flags: ServeFlags): Promise<number> {
  checkNoNodes(flags);
  const model = chooseModel(flags);
  const settings = serveSettings(flags, model);
  const prompts = flags.log_prompts === undefined ? null : new PromptLog(flags.log_prompts);
  const control = new AbortController();
  // A service manager sends it after a new certificate has come.
  const interrupt = new Interrupt(() => control.abort(), settings.tls ? ["SIGHUP"] : []);
  const server = new Server(settings, {
    onPrompt: prompts?.add.bind(prompts),
    usage: processUsage,
    onLog: (entry) => {
      if (flags.log_format !== "none") writeLog(logLine(entry, flags.log_format));
    },
    onBug: (error, id) => {
      printNote(`In request ${id}:`);
      printBug(error);
    },
  });
  const reread = () => rereadTls(flags, server);
  if (settings.tls) process.on("SIGHUP", reread);
  const logs = new RankLogs(flags);
  const { signal } = control;
  const run = async (startEngine?: StartEngine) => {
    const { port } = await server.listen();
    reportState({ port });
    if (!flags.quiet) printAddress(settings, port);
    noteDemo(model, flags);
    const limits = {
      ...{ concurrency: settings.concurrency, stepMs: flags.step_ms },
      // The server refuses before this queue is full.
      maxQueue: settings.maxQueue + settings.concurrency + settings.maxChoices,
      onStep: server.step.bind(server),
      ...(flags.kv_memory !== undefined && { kvMemory: flags.kv_memory }),
    };
    const onProgress = server.progress.bind(server);
    const use = { model, flags, logs, limits, signal, onProgress, startEngine };
    const ending = { signal, interrupt, isQuiet: flags.quiet === true, restarts: flags.max_restarts };
    if (flags.queue !== undefined) {
      return await withQueue(flags, model, signal, (front, about) => answer(front, about, server, ending));
    }
    const about = (llama: Llama) =>
      `${llama.dtype}, ${plural(llama.worldSize, "rank")}, context of ${llama.maxSeqLen} tokens`;
    return withModel(use, (llama) => answer(llama, about(llama), server, ending));
  };
  try {
    return await runWithModel({ flags, logs, signal }, run);
  } catch (error) {
    if (!interrupt.explains(error)) throw error;
    return interrupt.exitCode ?? EXIT_OK;
  } finally {
    server.close();
    process.off("SIGHUP", reread);
    interrupt.dispose();
    await prompts?.close();
  }
}

interface Ending {
  signal: AbortSignal;
  interrupt: Interrupt;
  isQuiet: boolean;
  /** How often the supervisor may start another process after a failure of this one. */
  restarts: number;
}

/** Answers requests until a signal comes; throws what the model has failed with. `about`: what answers, for the user. */
async function answer(model: ServerModel, about: string, server: Server, ending: Ending): Promise<number> {
  const { signal, interrupt, isQuiet, restarts } = ending;
  server.start(model);
  reportState({ restarts });
  if (!isQuiet) printNote(`Ready: ${about}.`);
  const stopped = new Promise<"stopped">((resolve) => {
    if (signal.aborted) resolve("stopped");
    signal.addEventListener("abort", () => resolve("stopped"));
  });
  const failed = server.failed.then((error) => ({ error }));
  const first = await Promise.race([stopped, failed]);
  if (first !== "stopped") {
    await server.fail();
    throw first.error;
  }
  if (!isQuiet) printNote("Ending: running answers may finish; a second signal ends at once.");
  const isWhole = await server.drain();
  return isWhole ? EXIT_OK : (interrupt.exitCode ?? EXIT_OK);
}

function serveSettings(flags: ServeFlags, model: ModelChoice): ServeSettings {
  const { host, model_alias: aliases = [], allowed_host: allowedHosts = [], cors_origin: corsOrigins = [] } = flags;
  const keys = readKeys(flags.api_key_file, process.env.LLAMA_TS_API_KEY);
  if (!isLoopback(host) && keys.length === 0 && !flags.no_auth) {
    const fix = "Set LLAMA_TS_API_KEY or --api_key_file, or say --no_auth";
    throw new LlamaError("usage", "other machines could use the model without a key", { where: `--host ${host}`, fix });
  }
  const { maxGenLen = null, ...sampling } = samplingSettings(flags as unknown as SamplingFlags);
  return {
    tls: readTls(flags),
    ...{ host, port: inheritedPort() ?? flags.port, allowedHosts, corsOrigins, keys },
    names: [basename(resolve(model.ckptDir)).replace(/\.gguf$/i, ""), ...aliases],
    ...{
      sampling,
      maxGenLen,
      chat: flags.chat === "text" ? "text" : chatChoice(flags.chat ?? "auto"),
      system: flags.system ?? null,
    },
    ...{ concurrency: flags.concurrency, maxQueue: flags.max_queue, maxBody: flags.max_body },
    maxChoices: flags.max_choices,
    requestTimeoutMs: flags.request_timeout * 1000,
    drainTimeoutMs: flags.drain_timeout * 1000,
    pingMs: flags.sse_ping * 1000,
    strictFields: flags.strict_fields === true,
    hiddenBos: flags.hidden_bos === true,
    metricsPublic: flags.metrics_public === true,
    trustProxy: flags.trust_proxy === true,
    page: flags.no_web ? null : pageFiles(flags.web_dir),
    version: packageVersion(),
    created: writtenAt(model.ckptDir),
  };
}

/** Takes the certificate that --tls_cert names now; a wrong one is said, and the old one stays. */
function rereadTls(flags: ServeFlags, server: Server): void {
  try {
    server.setTls(readTls(flags)!);
    if (!flags.quiet) printNote("The certificate has been read again.");
  } catch (error) {
    if (!(error instanceof LlamaError)) throw error;
    printError(`${error.message}. The certificate stays as it was`);
  }
}

/** A line on stderr. Node gives the stream up at its first error, such as a full disk, which may have room again later. */
function writeLog(line: string): void {
  if (!process.stderr.destroyed) process.stderr.write(`${line}\n`);
  else {
    try {
      writeSync(2, `${line}\n`);
    } catch {
      // Answers are worth more than their log.
    }
  }
}

function processUsage() {
  const { user, system } = process.cpuUsage();
  return {
    memory: process.memoryUsage.rss(),
    cpu: (user + system) / 1e6,
    startedAt: performance.timeOrigin / 1000,
  };
}

/** When the folder or file of the model was changed, in seconds; what is wrong with it is said when it is opened. */
function writtenAt(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false });
  return Math.floor((stat?.mtimeMs ?? Date.now()) / 1000);
}

function printAddress({ host, keys, names, tls, page }: ServeSettings, port: number): void {
  const shown = host.includes(":") ? `[${host}]` : host;
  const url = `${tls ? "https" : "http"}://${shown === "0.0.0.0" || shown === "[::]" ? "127.0.0.1" : shown}:${port}`;
  const key = keys.length > 0 ? ' -H "authorization: Bearer $LLAMA_TS_API_KEY"' : "";
  printNote(`Serving ${names[0]} at ${url}/v1`);
  if (page !== null) printNote(`Open ${url}/ in a browser, or use it from programs.`);
  printNote(`Try: curl ${url}/v1/completions${key} --json '{"prompt": "Once upon a time"}'`);
  if (!isLoopback(host) && keys.length === 0) printNote("Warning: other machines need no key (--no_auth).");
}
