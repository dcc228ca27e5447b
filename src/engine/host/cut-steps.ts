/** Cuts a batch of sequences into the steps that the ranks run: flat token lists of bounded size. Does not run them. */
import type { SequenceSpan } from "../shared/messages.js";

/** Tokens of one sequence to run, starting at `position`; earlier calls must have filled the KV cache before `position`. */
export interface SequenceTokens {
  sequence: number;
  position: number;
  tokens: ArrayLike<number>;
  /** Requested rows of logits: no row, the last token's, or every token's. */
  logits: "none" | "last" | "all";
  /** Tokens of the prompt that these belong to, by which dynamic rope scaling rotates all of it; absent: each by its own place. */
  promptLength?: number;
}

/** One step: a flat list of tokens. */
export interface Step {
  tokens: number[];
  spans: SequenceSpan[];
  /** Indices into `tokens` of the tokens whose logits are requested. */
  logitRows: number[];
  /** Destination of each logit row: index in the batch, row of its result. */
  targets: { item: number; row: number }[];
}

/** Cuts a batch into steps of at most `maxTokens` tokens and `maxRows` rows of logits. */
export function* cutSteps(batch: readonly SequenceTokens[], maxTokens: number, maxRows: number): Generator<Step> {
  const empty = (): Step => ({ tokens: [], spans: [], logitRows: [], targets: [] });
  let step = empty();
  for (const [item, { sequence, position, tokens, logits, promptLength }] of batch.entries()) {
    for (let i = 0; i < tokens.length; i++) {
      const wanted = logits === "all" || (logits === "last" && i === tokens.length - 1);
      if (step.tokens.length === maxTokens || (wanted && step.logitRows.length === maxRows)) {
        yield step;
        step = empty();
      }
      if (wanted) {
        step.logitRows.push(step.tokens.length);
        step.targets.push({ item, row: logits === "all" ? i : 0 });
      }
      step.tokens.push(tokens[i]!);
      const span = step.spans.at(-1);
      if (span && i > 0) span.count++;
      else {
        const from = { sequence, position: position + i, count: 1 };
        step.spans.push(promptLength === undefined ? from : { ...from, promptLength });
      }
    }
  }
  if (step.tokens.length > 0) yield step;
}
