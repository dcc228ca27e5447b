/** What the model got before an answer, as tokens: with those that the chat format adds. */
import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { readPrompt } from "../actions/turn-tokens.js";
import { IconButton } from "../app/button.js";
import { problemOf } from "../state/problems.js";
import type { Token, Turn } from "../state/types.js";
import { TokenText } from "../tokens/token-text.js";

/** The answer whose prompt is shown; null: the dialog is closed. */
export const promptShown = signal<Turn | null>(null);

export function PromptDialog() {
  return promptShown.value && <OpenDialog key={promptShown.value.id} turn={promptShown.value} />;
}

function OpenDialog({ turn }: { turn: Turn }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [tokens, setTokens] = useState<Token[] | null>(null);
  const [fault, setFault] = useState("");
  useEffect(() => {
    dialog.current?.showModal();
    readPrompt(turn).then(setTokens, (error) => setFault(problemOf(error).text));
  }, []);
  const close = () => {
    promptShown.value = null;
  };
  return (
    <dialog ref={dialog} class="prompt" aria-labelledby="prompt-title" onClose={close}>
      <div class="dialog-head">
        <h2 id="prompt-title">What the model got</h2>
        <IconButton icon="close" name="Close" onClick={close} />
      </div>
      {tokens ? (
        <TokenText tokens={tokens} label="The prompt" />
      ) : (
        <p class="note">{fault || "Computing the probabilities…"}</p>
      )}
    </dialog>
  );
}
