/** What the colours of tokens mean, and how sure the model was of the whole text. */
import type { VNode } from "preact";
import { IconButton } from "../app/button.js";
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
    <div class="token-legend note">
      <ul aria-label="Levels of probability">
        {LEVELS.map(({ least, words }, i) => (
          <li key={words}>
            <span class={`token level-${i}`}>{words}</span>{" "}
            <span class="token-least">{i === LEVELS.length - 1 ? "less" : `from ${100 * least} %`}</span>
          </li>
        ))}
      </ul>
      {summary && (
        <p>
          <span title="The geometric mean of the probabilities; the perplexity is its inverse.">
            {percent(summary.mean)} a token (perplexity {Math.exp(-summary.mean).toFixed(2)})
          </span>
          {summary.forks > 0 && (
            <span class="token-forks" title="Where another token was at least half as likely as the one in the text">
              <IconButton icon="left" name="Fork before" onClick={() => onFork(-1)} />
              {summary.forks} {summary.forks === 1 ? "fork" : "forks"}
              <IconButton icon="right" name="Next fork" onClick={() => onFork(1)} />
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
