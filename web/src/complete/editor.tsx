/**
 * The text of Complete: a text area over the same text with marks. Both have the same type and width, so that the marks are under
 * the words.
 */
import { useSignalEffect } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { continueText, redo, typeText, undo } from "../actions/complete-actions.js";
import { isTouch } from "../app/media.js";
import { partsOf, withRun } from "../state/ranges.js";
import { canSend, conversation, cursor, isBusy, live } from "../state/store.js";
import type { TextState } from "../state/types.js";

/** The text with what the model is writing. */
function shownText(): { state: TextState; end: number | null } {
  const { document } = conversation.value;
  const running = live.value;
  if (running === null || running.turn !== null) return { state: document, end: null };
  const at = Math.min(cursor.value, document.text.length);
  return { state: withRun(document, at, running.text), end: at + running.text.length };
}

export function Editor() {
  const area = useRef<HTMLTextAreaElement>(null);
  const scroll = useRef<HTMLDivElement>(null);
  const { state, end } = shownText();
  useLayoutEffect(() => {
    if (!isTouch.value) area.current?.focus();
  }, []);
  // After undo, a run or an opened text the cursor is where the state says.
  useLayoutEffect(() => {
    const { current } = area;
    if (!current || document.activeElement !== current) return;
    const at = end ?? cursor.value;
    if (current.selectionStart === current.selectionEnd && current.selectionStart !== at)
      current.setSelectionRange(at, at);
  }, [state]);
  useSignalEffect(() => {
    const { current } = scroll;
    if (live.value && current) requestAnimationFrame(() => keepInSight(current));
  });
  const noteCursor = () => {
    if (area.current && !isBusy.value) cursor.value = area.current.selectionEnd;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const isCommand = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    if (!isCommand || event.isComposing) return;
    if (key === "enter") {
      noteCursor();
      void continueText();
    } else if (key === "z") event.shiftKey ? redo() : undo();
    else if (key === "y") redo();
    else return;
    event.preventDefault();
  };
  return (
    <div class="scroll" ref={scroll}>
      <div class="column paper">
        <div class="marked" aria-hidden="true">
          {partsOf(state).map(({ text, isModel, start }) => (isModel ? <mark key={`m${start}`}>{text}</mark> : text))}
          {end !== null && end === state.text.length && <span class="caret" />}
          {"\n"}
        </div>
        <textarea
          ref={area}
          id="text"
          aria-label="Text"
          placeholder="Write the beginning of a text"
          spellcheck={false}
          value={state.text}
          readOnly={isBusy.value}
          onInput={({ currentTarget }) => typeText(currentTarget.value, currentTarget.selectionEnd)}
          onBeforeInput={(event) => {
            const type = (event as unknown as InputEvent).inputType;
            if (type !== "historyUndo" && type !== "historyRedo") return;
            event.preventDefault();
            type === "historyUndo" ? undo() : redo();
          }}
          onSelect={noteCursor}
          onKeyUp={noteCursor}
          onPointerUp={noteCursor}
          onKeyDown={onKeyDown}
        />
      </div>
      {state.text === "" && !isBusy.value && <Starts />}
    </div>
  );
}

const STARTS = ["Once upon a time", "The old lighthouse keeper", "Dear diary,"];

/** Beginnings to try; each is continued at once. */
function Starts() {
  return (
    <ul class="column starts" aria-label="Beginnings to try">
      {STARTS.map((text) => (
        <li key={text}>
          <button
            type="button"
            onClick={() => {
              typeText(text, text.length);
              document.getElementById("text")?.focus();
              if (canSend.value) void continueText();
            }}
          >
            {text}
          </button>
        </li>
      ))}
    </ul>
  );
}

/** While the model writes at the end of the text, the end stays in sight. */
function keepInSight(scroll: HTMLElement): void {
  const caret = scroll.querySelector(".caret");
  if (!caret) return;
  const below = caret.getBoundingClientRect().bottom - scroll.getBoundingClientRect().bottom;
  if (below > -24) scroll.scrollTop += below + 48;
}
