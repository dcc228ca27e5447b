/** Plans the work of many requests: the order of the passes, and what they cost in tokens. Runs nothing. */
import { setImmediate as breathe } from "node:timers/promises";
import { commonLength, MIN_SHARED } from "../../generation/scheduling/prefix-pool.js";
import { type DocumentWork, documentWork, inputsOf, type KeyedRequest } from "./document-work.js";
import type { RequestEncoder } from "./request-encoder.js";

export interface WorkPlan extends Pick<DocumentWork, "passes" | "texts" | "parts" | "refused"> {
  cost: Cost;
}

/** Tokens, as they are expected. */
export interface Cost {
  /** Inputs, if every request ran alone. */
  alone: number;
  /** Inputs that are computed: prefixes that requests share once. */
  computed: number;
  /** New tokens at most. */
  generated: number;
}

/** Who watches the planning, which encodes all texts: it throws the signal's reason, and reports the documents that are done. */
export interface PlanWatch {
  signal?: AbortSignal;
  onProgress?: (documents: number) => void;
}

/** Planning may keep other work waiting this long. */
const BREATH_MS = 50;
/** Sequences that the model keeps beside those that run: a prefix is found in one of them. */
const REMEMBERED = 16;

/** The work is ordered by task as it comes, in a task the longest document first, so that the estimate of the time left falls. */
export async function planWork(
  requests: readonly KeyedRequest[],
  encoder: RequestEncoder,
  { signal, onProgress }: PlanWatch = {},
): Promise<WorkPlan> {
  const documents: DocumentWork[] = [];
  let since = performance.now();
  for (const group of byDocument(requests)) {
    documents.push(documentWork(group, encoder));
    if (performance.now() - since < BREATH_MS) continue;
    onProgress?.(documents.length);
    await breathe();
    signal?.throwIfAborted();
    since = performance.now();
  }
  const ordered = [...byTask(documents)].flatMap((group) => group.sort((a, b) => b.longest - a.longest));
  const cost: Cost = { alone: 0, computed: 0, generated: 0 };
  const recent: (readonly number[])[] = [];
  const shared = (ids: readonly number[], most: number): number => {
    const length = recent.reduce((best, other) => Math.max(best, commonLength(ids, other, most)), 0);
    recent.push(ids);
    if (recent.length > REMEMBERED) recent.shift();
    return length < MIN_SHARED ? 0 : length;
  };
  for (const { passes, texts, tokens } of ordered) {
    cost.alone += tokens;
    for (const pass of passes) {
      const ids = inputsOf(pass);
      pass.cost = ids.length - shared(ids, pass.context.length - 1);
      cost.computed += pass.cost;
    }
    for (const text of texts) {
      const { promptIds: ids, maxTokens } = text;
      const prompt = ids.length - shared(ids, ids.length - 1);
      text.cost = prompt + maxTokens;
      cost.computed += prompt;
      cost.generated += maxTokens;
    }
  }
  return {
    passes: ordered.flatMap(({ passes }) => passes),
    texts: ordered.flatMap(({ texts }) => texts),
    parts: new Map(ordered.flatMap(({ parts }) => [...parts])),
    refused: ordered.flatMap(({ refused }) => refused),
    cost,
  };
}

/** The requests of each document; those of one follow each other. */
function byDocument(requests: readonly KeyedRequest[]): KeyedRequest[][] {
  return runs(requests, (one, other) => one.task === other.task && one.document === other.document);
}

function byTask(documents: readonly DocumentWork[]): DocumentWork[][] {
  return runs(documents, (one, other) => one.task === other.task);
}

/** Neighbours that belong together. */
function runs<T>(items: readonly T[], isSame: (one: T, other: T) => boolean): T[][] {
  const groups: T[][] = [];
  for (const item of items) {
    const group = groups.at(-1);
    if (group && isSame(group[0]!, item)) group.push(item);
    else groups.push([item]);
  }
  return groups;
}
