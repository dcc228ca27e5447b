/** One turn: the user's message, or an answer as Markdown or as tokens. */
import { branch, sendAll } from "../actions/chat-actions.js";
import { isOwn } from "../actions/requests.js";
import { Markdown } from "../markdown/markdown.js";
import { editing, isBusy, live, model, showsTokens } from "../state/store.js";
import type { Alternative, Token, Turn } from "../state/types.js";
import { TokenText } from "../tokens/token-text.js";
import { EditForm } from "./edit-form.js";
import { MissingTokens } from "./missing-tokens.js";
import { TurnActions } from "./turn-actions.js";

export interface TurnProps {
  turn: Turn;
  isRunning: boolean;
  /** The model does not get it. */
  isLeftOut: boolean;
  isLast: boolean;
  isFirst: boolean;
}

export function TurnView({ turn, isRunning, isLeftOut, isLast, isFirst }: TurnProps) {
  const isUser = turn.role === "user";
  const who = isUser ? "You" : (model.value?.name ?? "Model");
  return (
    <li class={`turn is-${turn.role} ${isLeftOut ? "is-left-out" : ""}`} data-turn={turn.id}>
      <h2 class="who">
        {who}
        {isLeftOut && <span class="note"> · not sent to the model any more</span>}
        {isFirst && isLeftOut && (
          <button type="button" class="link-button" onClick={sendAll}>
            Send all again
          </button>
        )}
      </h2>
      {editing.value === turn.id ? (
        <EditForm turn={turn} />
      ) : (
        <>
          {isUser ? <p class="plain">{turn.text}</p> : isRunning ? <RunningAnswer /> : <Answer turn={turn} />}
          <TurnActions turn={turn} isRunning={isRunning} isLast={isLast} />
        </>
      )}
    </li>
  );
}

/** An answer while it is written: drawn once a frame. */
function RunningAnswer() {
  const { value } = live;
  if (value === null) return null;
  const { text, tokens, phase } = value;
  if (text === "" && tokens.length === 0) {
    return (
      <p class="waiting" aria-hidden="true">
        <span class="dots">
          {phase.kind === "queued" ? "Waiting" : phase.kind === "prompt" ? "Reading" : "Thinking"}
        </span>
      </p>
    );
  }
  if (showsTokens.value && hasAllProbabilities(tokens, null)) {
    return <TokenText tokens={tokens} label="The answer" />;
  }
  return <Markdown text={text} isStreaming />;
}

/** An answer that was begun without them has none for its beginning. */
function hasAllProbabilities(tokens: readonly Token[], endId: number | null): boolean {
  return tokens.length > 0 && tokens.every(({ id, logprob }) => logprob !== null || id === endId);
}

function Answer({ turn }: { turn: Turn }) {
  const { text, tokens, endId } = turn;
  if (showsTokens.value) {
    if (!tokens || !hasAllProbabilities(tokens, endId)) return <MissingTokens turn={turn} />;
    const onBranch =
      isBusy.value || !isOwn(turn)
        ? undefined
        : (index: number, choice: Alternative) => void branch(turn, index, choice);
    return <TokenText tokens={tokens} label="The answer" onBranch={onBranch} />;
  }
  if (text.trim() === "") return <p class="note">An empty answer.</p>;
  return <Markdown text={text} />;
}
