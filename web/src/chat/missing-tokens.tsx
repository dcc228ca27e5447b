/** An answer whose probabilities are not known yet: shown as text, with a button that asks for them. */
import { useState } from "preact/hooks";
import { readTurnTokens } from "../actions/turn-tokens.js";
import { Markdown } from "../markdown/markdown.js";
import { canSend } from "../state/store.js";
import type { Turn } from "../state/types.js";

export function MissingTokens({ turn }: { turn: Turn }) {
  const [isAsked, setAsked] = useState(false);
  const ask = async () => {
    setAsked(true);
    await readTurnTokens(turn);
    setAsked(false);
  };
  return (
    <>
      <Markdown text={turn.text} />
      <p class="note">
        <button type="button" class="link-button" disabled={isAsked || !canSend.value} onClick={() => void ask()}>
          {isAsked ? "Computing the probabilities…" : "Compute this answer's probabilities"}
        </button>
      </p>
    </>
  );
}
