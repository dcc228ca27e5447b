/** What can be done with a turn: its siblings, copy, edit, again, continue, remove. */
import { answer, chooseSibling, continueAnswer, regenerate, removeTurn } from "../actions/chat-actions.js";
import { IconButton } from "../app/button.js";
import { copyText } from "../app/copy.js";
import { canSend, conversation, editing, isBusy } from "../state/store.js";
import { placeOf } from "../state/tree.js";
import type { Turn } from "../state/types.js";
import { promptShown } from "./prompt-dialog.js";

interface TurnActionsProps {
  turn: Turn;
  isRunning: boolean;
  isLast: boolean;
}

export function TurnActions({ turn, isRunning, isLast }: TurnActionsProps) {
  if (isRunning) return null;
  const isAnswer = turn.role === "assistant";
  const cut = isAnswer && isLast && turn.finish !== "stop" ? CUT[turn.finish ?? "unfinished"] : null;
  return (
    <div class="turn-actions">
      <Siblings turn={turn} />
      <div class="tools">
        <IconButton icon="copy" name="Copy" onClick={() => void copyText(turn.text)} />
        <IconButton
          icon="edit"
          name={isAnswer ? "Change the answer" : "Edit"}
          isOff={isBusy.value}
          onClick={() => {
            editing.value = turn.id;
          }}
        />
        {isAnswer && (
          <IconButton icon="again" name="Answer again" isOff={!canSend.value} onClick={() => void regenerate(turn)} />
        )}
        {isAnswer && (
          <IconButton
            icon="tokens"
            name="What the model got"
            isOff={!canSend.value}
            onClick={() => {
              promptShown.value = turn;
            }}
          />
        )}
        <IconButton icon="trash" name="Remove from here" isOff={isBusy.value} onClick={() => removeTurn(turn)} />
      </div>
      {turn.stats && isAnswer && <Figures turn={turn} />}
      {cut && (
        <p class="note">
          {cut}{" "}
          <button type="button" class="link-button" disabled={!canSend.value} onClick={() => void continueAnswer(turn)}>
            Continue
          </button>
        </p>
      )}
      {!isAnswer && isLast && !isBusy.value && (
        <button type="button" class="link-button" disabled={!canSend.value} onClick={() => void answer(turn.id)}>
          Answer this
        </button>
      )}
    </div>
  );
}

const CUT = {
  length: "The answer has reached its length.",
  stopped: "The answer was stopped.",
  failed: "The answer broke off.",
  stop: "",
  unfinished: "The answer was not finished.",
} as const;

function Siblings({ turn }: { turn: Turn }) {
  const { at, of, siblings } = placeOf(conversation.value, turn);
  if (of < 2) return null;
  return (
    <div class="siblings">
      <IconButton
        icon="left"
        name="Version before"
        isOff={at === 0 || isBusy.value}
        onClick={() => chooseSibling(siblings, at, -1)}
      />
      <span>
        {at + 1}/{of}
      </span>
      <IconButton
        icon="right"
        name="Version after"
        isOff={at === of - 1 || isBusy.value}
        onClick={() => chooseSibling(siblings, at, 1)}
      />
    </div>
  );
}

function Figures({ turn: { stats } }: { turn: Turn }) {
  if (!stats) return null;
  const speed = stats.tokensPerSecond > 0 ? ` · ${stats.tokensPerSecond.toFixed(1)} tokens/s` : "";
  return (
    <span class="figures">
      {stats.newTokens} {stats.newTokens === 1 ? "token" : "tokens"}
      {speed}
    </span>
  );
}
