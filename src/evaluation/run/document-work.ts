/** The passes of the model that answer the requests of one document. Choices that differ in their last token share one. Runs nothing. */
import { LlamaError } from "../../error.js";
import type { EvalRequest } from "../tasks/task.js";
import type { RequestEncoder } from "./request-encoder.js";
import type { Window } from "./rolling-windows.js";

/** A request, and the document that it belongs to. */
export interface KeyedRequest {
  key: string;
  request: EvalRequest;
  /** Name of the task, for the progress. */
  task: string;
  /** Number of the document in its task. */
  document: number;
}

/** One run of a context and a continuation. */
export interface ScoringPass extends Window {
  task: string;
  /** Ids in the place of the continuation's last one, which the same run scores. */
  lastIds: number[];
  /** Which part of which request is answered by the continuation, and by it with each of `lastIds`. */
  owners: { key: string; part: number }[];
  /** Whether the first scored id is a BOS that is not of the text. */
  hasBos: boolean;
  /** Tokens that are expected to be computed. */
  cost: number;
}

/** One text to generate. */
export interface TextWork {
  task: string;
  key: string;
  promptIds: number[];
  maxTokens: number;
  stop: string[];
  temperature: number;
  topP: number;
  seed: number;
  /** Tokens that are expected to be computed, new ones at most. */
  cost: number;
}

export interface DocumentWork {
  task: string;
  passes: ScoringPass[];
  texts: TextWork[];
  /** Parts of each scored request: their log-likelihoods are added. */
  parts: Map<string, number>;
  /** Requests that cannot be run. */
  refused: { key: string; error: LlamaError }[];
  /** Inputs of all requests, each run alone. */
  tokens: number;
  /** Inputs of the longest request. */
  longest: number;
}

/** The work of the requests of one document. */
export function documentWork(requests: readonly KeyedRequest[], encoder: RequestEncoder): DocumentWork {
  const work: DocumentWork = {
    task: requests[0]!.task,
    passes: [],
    texts: [],
    parts: new Map(),
    refused: [],
    tokens: 0,
    longest: 0,
  };
  const byInputs = new Map<string, ScoringPass>();
  for (const { key, request, task } of requests) {
    try {
      const encoded = encoder.encode(request);
      if (encoded.kind === "text") {
        const { temperature = 0, topP = 1, seed = 0 } = request;
        const { kind: _, ...text } = encoded;
        work.texts.push({ ...text, task, key, temperature, topP, seed, cost: 0 });
        count(work, text.promptIds.length);
        continue;
      }
      work.parts.set(key, encoded.parts.length);
      for (const [part, window] of encoded.parts.entries()) {
        count(work, inputsOf(window).length);
        addWindow(work, byInputs, { ...window, hasBos: encoded.hasBos && part === 0 }, { key, part });
      }
    } catch (error) {
      if (!(error instanceof LlamaError)) throw error;
      work.refused.push({ key, error });
    }
  }
  return work;
}

function count(work: DocumentWork, inputs: number): void {
  work.tokens += inputs;
  work.longest = Math.max(work.longest, inputs);
}

function addWindow(
  work: DocumentWork,
  byInputs: Map<string, ScoringPass>,
  window: Window & Pick<ScoringPass, "hasBos">,
  owner: ScoringPass["owners"][number],
): void {
  const name = `${window.context.length} ${inputsOf(window)}`;
  const same = byInputs.get(name);
  if (same) {
    same.lastIds.push(window.continuation.at(-1)!);
    same.owners.push(owner);
    return;
  }
  const pass = { ...window, task: work.task, lastIds: [], owners: [owner], cost: 0 };
  byInputs.set(name, pass);
  work.passes.push(pass);
}

/** The ids that the model runs: the last one is only scored. */
export function inputsOf({ context, continuation }: Window): number[] {
  return [...context, ...continuation.slice(0, -1)];
}
