/** The view Complete: one text that the user and the model write together. */
import { continueText, redo, undo, undoable } from "../actions/complete-actions.js";
import { stopRun } from "../actions/run.js";
import { IconButton } from "../app/button.js";
import { copyText } from "../app/copy.js";
import { isTouch } from "../app/media.js";
import { Status } from "../app/status.js";
import { Gauges } from "../gauges/gauges.js";
import { canSend, change, conversation, isBusy, showsTokens } from "../state/store.js";
import { Editor } from "./editor.js";
import { TextTokens } from "./text-tokens.js";

export function Complete() {
  const { document, leftOut } = conversation.value;
  return (
    <div class="view complete" key={conversation.value.id}>
      {showsTokens.value ? <TextTokens /> : <Editor />}
      <div class="foot">
        <div class="column">
          <Status />
          {leftOut > 0 && (
            <p class="note left-out">
              The model does not get the first {leftOut} characters.{" "}
              <button type="button" class="link-button" onClick={() => change({ leftOut: 0 })}>
                Send all
              </button>
            </p>
          )}
          <div class="bar">
            {isBusy.value ? (
              <button type="button" class="button is-main" onClick={stopRun}>
                Stop <kbd>Esc</kbd>
              </button>
            ) : (
              <button
                type="button"
                class="button is-main"
                disabled={!canSend.value}
                onClick={() => void continueText()}
              >
                Continue {!isTouch.value && <kbd>Ctrl Enter</kbd>}
              </button>
            )}
            <IconButton
              icon="undo"
              name="Undo"
              keys="Ctrl Z"
              isOff={isBusy.value || !undoable.value.undo}
              onClick={undo}
            />
            <IconButton
              icon="redo"
              name="Redo"
              keys="Ctrl Shift Z"
              isOff={isBusy.value || !undoable.value.redo}
              onClick={redo}
            />
            <IconButton
              icon="copy"
              name="Copy the text"
              isOff={document.text === ""}
              onClick={() => void copyText(document.text)}
            />
            <span class="note marks">
              <mark>The model's words</mark> are marked
            </span>
          </div>
          <Gauges />
        </div>
      </div>
    </div>
  );
}
