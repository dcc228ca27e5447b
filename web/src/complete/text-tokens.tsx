/** The text of Complete as tokens: what the user wrote, too. Asks for those that are not known. */
import { useEffect } from "preact/hooks";
import { branchText, readTextTokens, textTokens } from "../actions/complete-actions.js";
import { conversation, isBusy, live, model, server } from "../state/store.js";
import type { Alternative, Token } from "../state/types.js";
import { TokenText } from "../tokens/token-text.js";

/** Tokens as far as they are known now; null: they are still to be computed. */
function shownTokens(): Token[] | null {
  const known = textTokens.value;
  const running = live.value;
  if (running && running.turn === null) {
    const before = known && conversation.value.document.text.startsWith(known.text) ? known.tokens : [];
    return [...before, ...running.tokens];
  }
  return known?.text === conversation.value.document.text ? known.tokens : null;
}

export function TextTokens() {
  const { text } = conversation.value.document;
  const tokens = shownTokens();
  const isReady = server.value.kind === "ready" && !isBusy.value;
  useEffect(() => {
    if (tokens !== null || !isReady || text === "") return;
    const control = new AbortController();
    void readTextTokens(control.signal);
    return () => control.abort();
  }, [tokens === null, isReady, text]);
  const onBranch = isBusy.value ? undefined : (index: number, choice: Alternative) => void branchText(index, choice);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be reached by the keyboard
    <section class="scroll" aria-label="The text as tokens" tabIndex={0}>
      <div class="column paper-tokens">
        {text === "" && !isBusy.value ? (
          <p class="note">There is no text yet. Switch the tokens off and write its beginning.</p>
        ) : tokens === null ? (
          <>
            <p class="plain is-pending">{text}</p>
            <p class="note">{model.value === null ? "The model is not ready yet." : "Computing the probabilities…"}</p>
          </>
        ) : (
          <TokenText tokens={tokens} label="The text" onBranch={onBranch} />
        )}
      </div>
    </section>
  );
}
