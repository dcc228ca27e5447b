/** What a host tells its group of itself: what must be equal on all, and what its layers are chosen by. Does not know the other hosts. */
import { cpus } from "node:os";
import { machineMemory } from "../../engine/machine/machine-memory.js";
import { memoryBandwidth } from "../../engine/measure/bandwidth.js";
import { runtimeVersion } from "../../engine/weight-cache/model-identity.js";
import type { BuildOptions } from "../../generation/loading/build-options.js";
import { resolveSetup } from "../../generation/loading/open-model.js";
import type { Checkpoint } from "../../model/checkpoint/checkpoint.js";
import type { StageNode } from "../../model/sizes/cut-layers.js";
import { type EqualFacts, GROUP_PROTOCOL, type NodeRecord, nodeName } from "../../net/group/node-record.js";
import { packageVersion } from "../terminal/version.js";

/** Models with fewer bytes load faster than a bandwidth is measured; their layers are cut as if all hosts were alike. */
const MEASURED_BYTES = 4e9;

export interface NodeFacts {
  equal: EqualFacts;
  facts: Readonly<Record<string, string>>;
}

/** A model before its weights are loaded. */
export interface NodeModel {
  checkpoint: Checkpoint;
  /** The same for the same contents. */
  fingerprint: string;
  options: BuildOptions;
  close(): Promise<void>;
}

/** `isMeasured`: whether the layers are chosen by measured rates. */
export async function nodeFacts(
  { checkpoint, fingerprint, options }: NodeModel,
  isMeasured: boolean,
  signal: AbortSignal,
): Promise<NodeFacts> {
  const { worldSize, dtype, kvDtype } = resolveSetup(checkpoint, options);
  const measures = isMeasured && checkpoint.byteLength >= MEASURED_BYTES;
  const bandwidth = measures ? await memoryBandwidth(worldSize, signal) : 0;
  return {
    equal: {
      protocol: String(GROUP_PROTOCOL),
      version: packageVersion(),
      runtime: `onnxruntime-node ${runtimeVersion() ?? "?"}`,
      fingerprint,
      dtype,
      kv_dtype: kvDtype,
      max_seq_len: String(options.maxSeqLen ?? "auto"),
    },
    facts: {
      ranks: String(worldSize),
      memory: String(machineMemory().available),
      bandwidth: String(Math.round(bandwidth)),
      cpu: cpus()[0]?.model.trim() ?? "",
      arch: process.arch,
    },
  };
}

/** Hosts as the cut of the layers takes them. The rates of all count, or none. */
export function stageNodes(records: readonly NodeRecord[]): StageNode[] {
  const number = (record: NodeRecord, name: string, least: number) => Math.max(least, Number(record.facts[name]) || 0);
  const rates = records.map((record) => number(record, "bandwidth", 0));
  return records.map((record, i) => ({
    name: nodeName(record),
    worldSize: Math.round(number(record, "ranks", 1)),
    memory: number(record, "memory", 0),
    bandwidth: rates.includes(0) ? 1 : rates[i]!,
  }));
}

/** Hosts with another CPU than the first compute the same, except for last bits. */
export function cpuRemark(records: readonly NodeRecord[]): string | null {
  const kinds = new Set(records.map(({ facts }) => `${facts.cpu} ${facts.arch}`));
  return kinds.size > 1 ? `The hosts have different CPUs (${[...kinds].join("; ")}): last bits may differ.` : null;
}
