/** Cuts a batch of sequences into steps that ranks run: flat lists of tokens of bounded size. Knows positions; runs nothing. */
import type { SequenceSpan } from "../shared/messages.js";

/** Tokens of one sequence to run, from `position` on; the cache before `position` must have been filled by earlier calls. */
export interface SequenceTokens {
  sequence: number;
  position: number;
  tokens: ArrayLike<number>;
  /** Rows of logits wanted: none, the last token's or every token's. */
  logits: "none" | "last" | "all";
}

/** One flat list. */
export interface Step {
  tokens: number[];
  spans: SequenceSpan[];
  /** Indices into tokens. */
  logitRows: number[];
  /** Where each logit row goes: index in the batch, row of its result. */
  targets: { item: number; row: number }[];
}

/** Cuts a batch into steps of at most `maxTokens` tokens and `maxRows` rows of logits. */
export function* planSteps(batch: readonly SequenceTokens[], maxTokens: number, maxRows: number): Generator<Step> {
  const empty = (): Step => ({ tokens: [], spans: [], logitRows: [], targets: [] });
  let step = empty();
  for (const [item, { sequence, position, tokens, logits }] of batch.entries()) {
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
      else step.spans.push({ sequence, position: position + i, count: 1 });
    }
  }
  if (step.tokens.length > 0) yield step;
}
