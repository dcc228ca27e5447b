/** Tokens as a plain table: for screen readers, and for those who want the numbers. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { Token } from "../state/types.js";
import { LEVELS, levelOf, percent } from "./measure.js";
import { visible } from "./texts.js";
import { TokenName } from "./token-name.js";

/** Rows that are drawn at first, and with each "more". */
const ROWS = 200;
/** Other tokens that a row names. */
const OTHERS = 3;

interface TokenTableProps {
  tokens: readonly Token[];
  label: string;
  onOpen: (index: number, button: Element) => void;
}

export function TokenTable({ tokens, label, onOpen }: TokenTableProps): VNode {
  const [shown, setShown] = useState(ROWS);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table is scrolled with the keyboard
    <div class="token-table" tabIndex={0}>
      <table aria-label={`${label}, token by token`}>
        <thead>
          <tr>
            <th scope="col">#</th>
            <th scope="col">Token</th>
            <th scope="col">Probability</th>
            <th scope="col">Most likely</th>
          </tr>
        </thead>
        <tbody>
          {tokens.slice(0, shown).map((token, i) => (
            <TokenRow key={i} token={token} index={i} onOpen={onOpen} />
          ))}
        </tbody>
      </table>
      {shown < tokens.length && (
        <button type="button" onClick={() => setShown(shown + ROWS)}>
          Show more: {tokens.length - shown} are left
        </button>
      )}
    </div>
  );
}

function TokenRow({ token, index, onOpen }: { token: Token; index: number; onOpen: TokenTableProps["onOpen"] }): VNode {
  const level = levelOf(token);
  const others = token.top.slice(0, OTHERS).map(({ text, logprob }) => `${visible(text)} ${percent(logprob)}`);
  return (
    <tr>
      <td>{index + 1}</td>
      <td>
        <button type="button" class="quiet" onClick={({ currentTarget }) => onOpen(index, currentTarget)}>
          <TokenName name={token.text} />
          <span class="unseen">: what else was likely</span>
        </button>
      </td>
      <td>{token.logprob === null ? "not known" : `${percent(token.logprob)}, ${LEVELS[level!]!.words}`}</td>
      <td>{others.join(" · ")}</td>
    </tr>
  );
}
