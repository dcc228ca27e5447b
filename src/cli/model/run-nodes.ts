/** Runs a command with a model over several hosts: node 0 does the command's work, the others hold layers until it has ended. */
import { hostname } from "node:os";
import { LlamaError } from "../../error.js";
import type { BuildOptions } from "../../generation/loading/build-options.js";
import { findModel, openModel } from "../../generation/loading/open-model.js";
import { fingerprint } from "../../model/checkpoint/fingerprint.js";
import { Follower } from "../../net/group/follower.js";
import { Leader } from "../../net/group/leader.js";
import { type Meeting, meet } from "../net/meet.js";
import { rdzvOptions } from "../net/rdzv-options.js";
import type { NodeFlags } from "../options/node-flags.js";
import { NO_LIMIT } from "../supervisor/link.cjs";
import { reportState } from "../supervisor/supervised.js";
import { EXIT_OK } from "../terminal/exit-code.js";
import { printNote } from "../terminal/notes.js";
import { chooseModel } from "./choose-model.js";
import { buildOptions, type LoadFlags } from "./load.js";
import { type NodeModel, nodeFacts } from "./node-facts.js";
import { asStageLost, pipelineStart } from "./pipeline-start.js";
import type { RankLogs } from "./rank-logs.js";
import { StageNode } from "./stage-node.js";

/** How node 0 starts its model. */
export type StartEngine = NonNullable<BuildOptions["startEngine"]>;

export interface NodeRun {
  flags: NodeFlags & Pick<LoadFlags, "quiet" | "verbose" | "force">;
  model: NodeModel;
  logs: RankLogs;
  signal: AbortSignal;
  /** Losses of a stage that are survived without --max_restarts. */
  restarts: number;
}

/** The model that the command line names. */
export function openNodeModel(flags: LoadFlags, logs: RankLogs, signal: AbortSignal): NodeModel {
  const model = chooseModel(flags);
  const { checkpoint, tokenizer, files, encoder } = openModel(findModel(model));
  const contents = { path: files.tokenizerPath, vocabulary: tokenizer.vocabulary };
  const options = buildOptions({ model, flags, logs, signal }, () => {});
  return { checkpoint, fingerprint: fingerprint(checkpoint, contents), options, close: () => encoder.close() };
}

/** Runs `work` on node 0. Returns its exit code; on the other hosts 0 when the group has ended well. Throws LlamaError. */
export async function runNodes(
  run: NodeRun,
  work: (start: StartEngine) => Promise<number | undefined>,
): Promise<number | undefined> {
  const { flags, logs, signal, model } = run;
  const { quiet } = flags;
  const rdzv = rdzvOptions(flags, process.env);
  const say = (line: string) => {
    if (!quiet) printNote(line);
  };
  if (rdzv.note) say(rdzv.note);
  if (rdzv.net.warning) say(rdzv.net.warning);
  const maxRestarts = flags.max_restarts ?? run.restarts;
  reportState({ phase: "waiting for the other hosts" });
  let meeting: Meeting | null = null;
  try {
    const facts = await nodeFacts(model, flags.layers_per_node === undefined, signal);
    meeting = await meet(rdzv, {
      ...{ id: rdzv.id, nodes: rdzv.nodes, rank: rdzv.rank, host: hostname(), ...facts },
      ...{ joinTimeoutMs: rdzv.joinTimeoutMs, lostAfterMs: rdzv.lostAfterMs, maxRestarts, say, signal },
    });
    const { member } = meeting;
    say(`Joined group ${rdzv.id} as node ${member.record.rank} of ${rdzv.nodes.least}.`);
    if (member.record.rank === 0) {
      const leader = new Leader(member, asStageLost);
      const cut = { counts: flags.layers_per_node, force: flags.force === true };
      return await lead(leader, () => work(pipelineStart(leader, cut)), signal);
    }
    logs.open();
    const stage = new StageNode(model, logs, say);
    await follow(new Follower(member, asStageLost), stage, maxRestarts);
    if (flags.verbose && stage.report) say(stage.report);
    return EXIT_OK;
  } finally {
    await meeting?.leave();
    await model.close();
  }
}

/** The others end when the work has ended, and with the same kind of error. */
async function lead(
  leader: Leader,
  work: () => Promise<number | undefined>,
  signal: AbortSignal,
): Promise<number | undefined> {
  try {
    const code = await work();
    await leader.end(null);
    return code;
  } catch (error) {
    const kept = error instanceof LlamaError ? error : new LlamaError("runtime", String(error));
    await leader.end(signal.aborted ? null : kept);
    throw error;
  }
}

async function follow(follower: Follower, stage: StageNode, restarts: number): Promise<void> {
  let isFailed = false;
  stage.failed.catch(() => {
    isFailed = true;
  });
  // A process that is killed is started again, and takes its place again.
  reportState({ phase: "holding layers", restarts: Math.min(restarts, NO_LIMIT) });
  try {
    await follower.follow(stage);
  } catch (error) {
    if (!isFailed) reportState({ restarts: 0 });
    throw error;
  } finally {
    await stage.close();
  }
}
