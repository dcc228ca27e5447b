/** What the colours of tokens mean, and how sure the model was of the whole text. */
import type { VNode } from "preact";
import type { Token } from "../state/types.js";
import { LEVELS, percent, summaryOf } from "./measure.js";

interface LegendProps {
  tokens: readonly Token[];
  isList: boolean;
  onList: (isList: boolean) => void;
  /** Goes to the next place where another token was about as likely. */
  onFork: (by: 1 | -1) => void;
}

export function Legend({ tokens, isList, onList, onFork }: LegendProps): VNode {
  const summary = summaryOf(tokens);
  return (
    <div class="token-legend small">
      <ul aria-label="Levels of probability">
        {LEVELS.map(({ least, words }, i) => (
          <li key={words}>
            <span class={`token level-${i}`}>{words}</span>{" "}
            <span class="token-least">{i === LEVELS.length - 1 ? "less" : `${100 * least} %`}</span>
          </li>
        ))}
      </ul>
      {summary && (
        <p>
          <span title="The geometric mean of the probabilities; the perplexity is its inverse.">
            {percent(summary.mean)} a token (perplexity {Math.exp(-summary.mean).toFixed(2)})
          </span>
          {summary.forks > 0 && (
            <span class="token-forks">
              <button type="button" class="icon" aria-label="Fork before" onClick={() => onFork(-1)}>
                ‹
              </button>
              {summary.forks} {summary.forks === 1 ? "fork" : "forks"}
              <button type="button" class="icon" aria-label="Next fork" onClick={() => onFork(1)}>
                ›
              </button>
            </span>
          )}
        </p>
      )}
      <button type="button" class="quiet" aria-pressed={isList} onClick={() => onList(!isList)}>
        As a list
      </button>
    </div>
  );
}
