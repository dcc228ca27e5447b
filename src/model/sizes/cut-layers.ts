/** Cuts a model's layers into the ranges that hosts hold together, by their memory and the rate at which they read it. Does not know files or a network. */
import { LlamaError } from "../../error.js";
import { showBytes } from "../../formats/files/amounts.js";
import { lengthOf, type Range } from "../../formats/tensor/range.js";
import type { ComputeType } from "../architecture/compute-type.js";
import type { KvType } from "../architecture/kv-type.js";
import type { ModelConfig } from "../config/config.js";
import { partition } from "../split/partition.js";
import { modelBytesPerToken } from "./bytes-per-token.js";
import { type MemoryNeed, memoryNeed, PREPACKED_SHARE } from "./memory-need.js";

/** A host that takes a stage. */
export interface StageNode {
  name: string;
  /** Its ranks. */
  worldSize: number;
  /** Bytes that are available. */
  memory: number;
  /** Bytes of weights that it reads in a second; only the ratios count. */
  bandwidth: number;
}

/** How the model is loaded on every host. */
export interface StageSetup {
  dtype: ComputeType;
  kvType: KvType;
  /** Tokens of a context, and of a step. */
  maxSeqLen: number;
  stepTokens: number;
}

/** What a host holds. */
export interface NodeShare {
  layers: Range;
  /** Bytes of weights, and of keys and values of one token. */
  weights: number;
  token: number;
  /** Peak bytes with one context, as memoryNeed() estimates them. */
  total: number;
  /** Positions of all KV caches together for which its memory is enough. */
  positions: number;
}

/** Nodes in the order in which a step passes them: 1, 2, ..., and node 0, which has the head. */
export function stageOrder(nodes: number): number[] {
  return Array.from({ length: nodes }, (_, stage) => (stage + 1) % nodes);
}

/**
 * The share of each node, in the order of their ranks: the slowest stage takes as little time as possible, and each fits its memory.
 * `counts`: layers of each node, instead. Throws LlamaError (usage) for a wrong number of nodes or layers, and (memory) with the
 * figures of each host if the model does not fit; not if `force` is set.
 */
export function cutLayers(
  config: ModelConfig,
  nodes: readonly StageNode[],
  setup: StageSetup,
  { counts, force = false }: { counts?: readonly number[] | undefined; force?: boolean } = {},
): NodeShare[] {
  const { nLayers } = config;
  if (nodes.length > nLayers) {
    const expected = `at most ${nLayers}, one for each layer`;
    throw new LlamaError("usage", "more hosts than layers", { where: "nnodes", expected, found: String(nodes.length) });
  }
  const order = stageOrder(nodes.length);
  const stages = order.map((rank) => new StageSize(config, nodes[rank]!, setup));
  const given = counts && givenRanges(counts, nodes.length, nLayers);
  const ranges = given ?? (bestRanges(stages, nLayers, true) || bestRanges(stages, nLayers, false));
  const shares = Array<NodeShare>(nodes.length);
  for (const [stage, rank] of order.entries()) shares[rank] = stages[stage]!.share((ranges as Range[])[stage]!);
  if (!force && shares.some(({ total }, rank) => total > nodes[rank]!.memory)) throw misfit(nodes, shares, setup);
  return shares;
}

/** What a range of layers means for one node. */
class StageSize {
  readonly #config: ModelConfig;
  readonly #node: StageNode;
  readonly #setup: StageSetup;
  /** Bytes of weights of all layers before each; the last layer has the head. */
  readonly #before: number[] = [0];
  readonly #token: number;
  /** Peak memory beyond weights and context: without the head, with it. */
  readonly #rest: [number, number];

  constructor(config: ModelConfig, node: StageNode, setup: StageSetup) {
    this.#config = config;
    this.#node = node;
    this.#setup = setup;
    const { dtype, kvType } = setup;
    const bytesOf = (layers: Range) =>
      modelBytesPerToken(config, partition(config, node.worldSize, layers), dtype, kvType);
    for (let layer = 0; layer < config.nLayers; layer++) {
      this.#before.push(this.#before[layer]! + bytesOf({ start: layer, end: layer + 1 }).weights);
    }
    this.#token = bytesOf({ start: 0, end: 1 }).position;
    this.#rest = [this.#restOf(0), this.#restOf(config.nLayers - 1)];
  }

  seconds({ start, end }: Range): number {
    return (this.#before[end]! - this.#before[start]!) / this.#node.bandwidth;
  }

  fits(layers: Range): boolean {
    return this.#total(layers) <= this.#node.memory;
  }

  share(layers: Range): NodeShare {
    const weights = this.#before[layers.end]! - this.#before[layers.start]!;
    const token = this.#token * lengthOf(layers);
    const { total } = this.#need(layers);
    const { maxSeqLen } = this.#setup;
    // Half of what is left is for KV caches, as on one host.
    const room = this.#node.memory - (total - token * maxSeqLen);
    return { layers, weights, token, total, positions: Math.max(maxSeqLen, Math.floor(room / 2 / token)) };
  }

  /** Close to what memoryNeed() says and not less, in less time. */
  #total(layers: Range): number {
    const { start, end } = layers;
    const weights = (this.#before[end]! - this.#before[start]!) * (1 + PREPACKED_SHARE[this.#setup.dtype]);
    const context = this.#token * lengthOf(layers) * this.#setup.maxSeqLen;
    return Math.round(this.#rest[end === this.#config.nLayers ? 1 : 0] + weights + context);
  }

  /** Of one layer; further ones add only their weights and context. */
  #restOf(layer: number): number {
    const need = this.#need({ start: layer, end: layer + 1 });
    return need.total - need.weights * (1 + PREPACKED_SHARE[this.#setup.dtype]) - need.context;
  }

  #need(layers: Range): MemoryNeed {
    const { dtype, kvType, maxSeqLen, stepTokens } = this.#setup;
    return memoryNeed(this.#config, this.#node.worldSize, dtype, maxSeqLen, stepTokens, layers, kvType);
  }
}

/** The ranges with the smallest largest time; null if no cut fits. */
function bestRanges(stages: readonly StageSize[], nLayers: number, mustFit: boolean): Range[] | null {
  // Of the stages so far with the layers so far: the largest time, and where the last stage begins.
  let best = Array.from({ length: nLayers + 1 }, (_, end) => (end === 0 ? 0 : Number.POSITIVE_INFINITY));
  const starts: number[][] = [];
  for (const stage of stages) {
    const next = Array<number>(nLayers + 1).fill(Number.POSITIVE_INFINITY);
    const from = Array<number>(nLayers + 1).fill(-1);
    for (let end = 1; end <= nLayers; end++) {
      for (let start = 0; start < end; start++) {
        const layers = { start, end };
        const time = Math.max(best[start]!, stage.seconds(layers));
        if (time >= next[end]! || (mustFit && !stage.fits(layers))) continue;
        next[end] = time;
        from[end] = start;
      }
    }
    best = next;
    starts.push(from);
  }
  if (best[nLayers] === Number.POSITIVE_INFINITY) return null;
  const ranges: Range[] = [];
  for (let end = nLayers, stage = stages.length - 1; stage >= 0; stage--) {
    const start = starts[stage]![end]!;
    ranges.unshift({ start, end });
    end = start;
  }
  return ranges;
}

/** Ranges in the order of the stages from the numbers of layers in the order of the nodes. */
function givenRanges(counts: readonly number[], nodes: number, nLayers: number): Range[] {
  const sum = counts.reduce((total, count) => total + count, 0);
  if (counts.length !== nodes || counts.some((count) => !Number.isInteger(count) || count < 1) || sum !== nLayers) {
    throw new LlamaError("usage", "does not divide the model's layers", {
      where: "layers_per_node",
      expected: `${nodes} ${nodes === 1 ? "number" : "numbers"} from 1, for node 0 to ${nodes - 1}, ${nLayers} in all`,
      found: `${counts.join(",")} (${sum} in all)`,
    });
  }
  let start = 0;
  return stageOrder(nodes).map((rank) => {
    const range = { start, end: start + counts[rank]! };
    start = range.end;
    return range;
  });
}

function misfit(
  nodes: readonly StageNode[],
  shares: readonly NodeShare[],
  { dtype, maxSeqLen }: StageSetup,
): LlamaError {
  const lines = shares.map(({ layers, total }, rank) => {
    const { name, memory } = nodes[rank]!;
    const range = `layers ${layers.start} to ${layers.end - 1}`;
    return `${name} ${range} need ${showBytes(total)}, ${showBytes(memory)} available`;
  });
  return new LlamaError("memory", `the model does not fit into the memory of these hosts as ${dtype}`, {
    found: lines.join("; "),
    fix: `More hosts, a smaller dtype or a --max_seq_len below ${maxSeqLen} need less on each; --force loads it anyway`,
  });
}
