/** The options of a model over several hosts, in torchrun's spelling, and the parsers of their values. Does not know what a host does. */
import { InvalidArgumentError } from "@commander-js/extra-typings";

/** Hosts that hold the model, and the most that may come. */
export interface NodeCount {
  least: number;
  most: number;
}

/** The options by their names. (A type: an interface is not assignable to commander's OptionValues.) */
export type NodeFlags = {
  nnodes?: NodeCount | undefined;
  node_rank?: number | undefined;
  rdzv_endpoint?: string | undefined;
  rdzv_backend?: string | undefined;
  rdzv_id?: string | undefined;
  rdzv_conf?: Readonly<Record<string, string>> | undefined;
  master_addr?: string | undefined;
  master_port?: number | undefined;
  standalone?: true | undefined;
  max_restarts?: number | undefined;
  layers_per_node?: readonly number[] | undefined;
};

export const MAX_NODES = 1024;

/** torchrun's --nnodes: "2", or "2:3" for two hosts and a spare. */
export function nodeCount(text: string): NodeCount {
  const [, first, second] = /^(\d{1,4})(?::(\d{1,4}))?$/.exec(text) ?? [];
  const [least, most] = [Number(first), Number(second ?? first)];
  if (!(least >= 1 && most >= least && most <= MAX_NODES)) {
    throw new InvalidArgumentError(`Expected the number of hosts, 1 to ${MAX_NODES}, or N:M for up to M - N spares.`);
  }
  if (least === 1 && most > 1) {
    throw new InvalidArgumentError("A model on one host has no spares: expected 1, or N:M with N from 2.");
  }
  return { least, most };
}

/** torchrun's --rdzv_conf: "key=value,key=value". Their names are checked where they are used. */
export function rdzvConf(text: string): Readonly<Record<string, string>> {
  const entries = text.split(",").map((pair) => {
    const at = pair.indexOf("=");
    if (at < 1)
      throw new InvalidArgumentError("Expected KEY=VALUE pairs with commas, as join_timeout=60,lost_after=3.");
    return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
  });
  return Object.fromEntries(entries);
}

/** "10,22": layers of node 0, node 1, ... */
export function layerCounts(text: string): number[] {
  if (!/^\d{1,6}(,\d{1,6})*$/.test(text)) throw new InvalidArgumentError("Expected layers of each host, as 10,22.");
  return text.split(",").map(Number);
}

/** Whether the model is on several hosts. */
export function hasNodes({ nnodes }: NodeFlags): boolean {
  return nnodes !== undefined && nnodes.least > 1;
}
