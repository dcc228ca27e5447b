/** The command `worker`: loads the model and answers requests of the queue until a signal or a failure; ends in order. */
import { LlamaError } from "../../../error.js";
import { plural } from "../../../formats/files/amounts.js";
import type { Llama } from "../../../index.js";
import type { Net } from "../../../net/nats/net.js";
import type { SourceEvent } from "../../../net/queue/request-source.js";
import { RequestSource } from "../../../net/queue/request-source.js";
import { duration, number } from "../../json-lines/line-progress.js";
import { chooseModel, noteDemo } from "../../model/choose-model.js";
import { requestLimits, withModel } from "../../model/load.js";
import { RankLogs } from "../../model/rank-logs.js";
import { runWithModel } from "../../model/run-command.js";
import type { StartEngine } from "../../model/run-nodes.js";
import { connectQueue } from "../../queue/connect-queue.js";
import { identityText, queueIdentity } from "../../queue/queue-identity.js";
import { ServiceWorker } from "../../queue/service-worker.js";
import { answerStatus } from "../../queue/worker-status.js";
import { reportState } from "../../supervisor/supervised.js";
import { EXIT_OK } from "../../terminal/exit-code.js";
import { Interrupt } from "../../terminal/interrupt.js";
import { printNote } from "../../terminal/notes.js";
import { packageVersion } from "../../terminal/version.js";
import { WorkLoop } from "./work-loop.js";
import type { WorkerFlags } from "./worker-flags.js";

/** Runs the command and returns the exit code: 0 after a signal, when requests were answered or given back; 1 if the server closed the connection. */
export async function worker(flags: WorkerFlags): Promise<number> {
  const choice = chooseModel(flags);
  noteDemo(choice, flags);
  const control = new AbortController();
  const { signal } = control;
  const interrupt = new Interrupt(() => control.abort());
  const say = (text: string) => {
    if (!flags.quiet) printNote(text);
  };
  let net = null as Net | null;
  const logs = new RankLogs(flags);
  const run = async (startEngine?: StartEngine) => {
    const identity = queueIdentity(choice, flags);
    // Before the model is loaded, which takes longer: a wrong key or address is said at once.
    net = await connectQueue(flags, "llama-ts worker", signal);
    const queue = net;
    const closed = followConnection(queue, say, () => control.abort());
    const onEvent = (event: SourceEvent) => {
      const text = eventText(event, flags.verbose === true);
      if (text !== null) say(text);
    };
    const source = await RequestSource.open(queue, identity.model, onEvent);
    const use = { model: choice, flags, logs, limits: requestLimits(flags), signal, startEngine };
    return withModel(use, async (llama) => {
      reportState({ restarts: flags.max_restarts });
      say(`Ready: ${plural(llama.worldSize, "rank")}, ${identityText(identity)}.`);
      let done = 0;
      const start = performance.now();
      const loop = new WorkLoop(llama, source, {
        ...{ concurrency: flags.concurrency, drainMs: flags.drain_timeout * 1000, signal },
        onDone: ({ job, line, deliveryCount }, what, seconds) => {
          done++;
          const again = deliveryCount > 1 ? `, delivery ${deliveryCount}` : "";
          const text = `Line ${line} of job ${job}: ${what} in ${duration(seconds)}${again}`;
          if (flags.verbose || what === "poison") say(text);
        },
      });
      signal.addEventListener("abort", () => {
        if (source.running > 0 && interrupt.exitCode !== null) {
          const rest = "others get what is not done in time; a second signal ends at once";
          say(`Ending: ${plural(source.running, "request")} may finish; ${rest}.`);
        }
      });
      const service = await startService(queue, llama, identity, loop, say);
      const about = {
        model: identity.model,
        dtype: identity.dtype,
        version: packageVersion(),
        rows: flags.concurrency,
      };
      void answerStatus(queue, () => {
        const { promptTokens, generatedTokens } = loop.stats;
        const tokens = promptTokens + generatedTokens + service.tokens;
        return { ...about, tokens, running: loop.running, seconds: (performance.now() - start) / 1000 };
      }).catch((error) => say(`Trouble with the queue: ${error.message}`));
      const end = new AbortController();
      const closing = new Promise<void>((resolve) => {
        const close = () => void service.close(end.signal).then(resolve);
        signal.addEventListener("abort", close, { once: true });
        end.signal.addEventListener("abort", close, { once: true });
      });
      await loop.run().finally(() => {
        end.abort();
        return closing;
      });
      await queue.flush().catch(() => {});
      const seconds = (performance.now() - start) / 1000;
      say(
        `${plural(done, "request", number)} answered · ${number(loop.stats.generatedTokens)} tokens in ${duration(seconds)}`,
      );
      if (closed.isClosed && interrupt.exitCode === null) {
        throw new LlamaError("runtime", "the server has closed the connection for good", { where: flags.queue! });
      }
      return EXIT_OK;
    });
  };
  try {
    return await runWithModel({ flags, logs, signal }, run);
  } catch (error) {
    if (!interrupt.explains(error)) throw error;
    return interrupt.exitCode ?? EXIT_OK;
  } finally {
    interrupt.dispose();
    await net?.close();
  }
}

/** Takes the requests of fronts, before the others. */
async function startService(
  net: Net,
  llama: Llama,
  { model }: { model: string },
  loop: WorkLoop,
  say: (text: string) => void,
): Promise<ServiceWorker> {
  const service = await ServiceWorker.open({
    ...{ net, llama, model },
    room: loop.room.bind(loop),
    begin: loop.begin.bind(loop),
    onFailure: loop.fail.bind(loop),
    onEvent: (event) => {
      if (event.kind === "strange")
        say(`A message that is not a request was removed (${JSON.stringify(event.subject)}).`);
      if (event.kind === "poison") say(`Request ${event.place} is given up: workers were lost with it.`);
      if (event.kind === "trouble") say(`Trouble with the queue: ${event.error.message}`);
    },
  });
  loop.urgent = service;
  return service;
}

function followConnection(net: Net, say: (text: string) => void, onClosed: () => void): { isClosed: boolean } {
  const state = { isClosed: false };
  net.onStatus((status) => {
    if (status === "disconnected") say("The connection to the server is lost; waiting for it. What runs continues.");
    if (status === "reconnected") say("The server is there again.");
    if (status === "lame-duck") say("The server is about to end.");
    if (status !== "closed") return;
    state.isClosed = true;
    onClosed();
  });
  return state;
}

/** Null for what only --verbose shows. */
function eventText(event: SourceEvent, isVerbose: boolean): string | null {
  switch (event.kind) {
    case "no-requests-yet":
      return `No request for this model was ever submitted (no stream ${event.stream}); waiting for the first.`;
    case "ready":
      return isVerbose ? "Taking requests." : null;
    case "answered-before":
      return isVerbose ? `Line ${event.line} of job ${event.job}: another worker has answered it.` : null;
    case "unwanted":
      return isVerbose ? `Line ${event.line} of job ${event.job}: nobody wants the answer any more.` : null;
    case "other-version":
      return `Line ${event.line} of job ${event.job} is of another version (${JSON.stringify(event.version)}): left to other workers.`;
    case "strange":
      return `A message that is not a request was removed from the queue (${JSON.stringify(event.subject)}).`;
    case "trouble":
      return `Trouble with the queue: ${event.error.message}`;
  }
}
