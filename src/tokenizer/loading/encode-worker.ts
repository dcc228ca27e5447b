/** The entry of the thread that encodes long texts: loads the tokenizer again, then answers text by text. */
import { parentPort, workerData } from "node:worker_threads";
import type { SpecialTokenSet } from "../kinds/special-tokens.js";
import { loadTokenizer } from "./open-tokenizer.js";
import type { TokenizerSettings } from "./tokenizer-settings.js";

export interface EncodeWorkerData {
  path: string;
  set: SpecialTokenSet;
  settings: TokenizerSettings | undefined;
}

export interface EncodeRequest {
  number: number;
  text: string;
  special: boolean;
}

export type EncodeAnswer = { number: number; ids: Int32Array } | { number: number; problem: unknown };

const { path, set, settings } = workerData as EncodeWorkerData;
const loading = loadTokenizer(path, set, settings);
parentPort!.on("message", async ({ number, text, special }: EncodeRequest) => {
  try {
    const ids = Int32Array.from((await loading).encode(text, { special }));
    parentPort!.postMessage({ number, ids } satisfies EncodeAnswer, [ids.buffer]);
  } catch (problem) {
    parentPort!.postMessage({ number, problem: String(problem) } satisfies EncodeAnswer);
  }
});
