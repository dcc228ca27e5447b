/** The name of a request in the file of answers: the same for equal requests, whatever task, run or machine they are of. */
import { createHash } from "node:crypto";
import type { EvalRequest } from "../tasks/task.js";

/** The answer depends on nothing else, but for what a run says of itself: model, dtype, BOS and context. */
export function requestKey(request: EvalRequest): string {
  const { kind, context, continuation, until = [], maxGenToks = null, temperature = 0 } = request;
  const sampling = temperature > 0 ? [temperature, request.topP ?? 1, request.seed ?? null] : [0];
  const parts = kind === "generate" ? [until, maxGenToks, ...sampling] : [continuation];
  return createHash("sha256")
    .update(JSON.stringify([kind, context, ...parts]))
    .digest("hex");
}
