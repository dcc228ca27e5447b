/** Changes a turn: the changed one becomes a sibling, and the old one stays. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { edit, replaceAnswer } from "../actions/chat-actions.js";
import { isTouch } from "../app/media.js";
import { canSend, editing } from "../state/store.js";
import type { Turn } from "../state/types.js";
import { fitHeight } from "./fit-height.js";

export function EditForm({ turn }: { turn: Turn }) {
  const [text, setText] = useState(turn.text);
  const area = useRef<HTMLTextAreaElement>(null);
  const isAnswer = turn.role === "assistant";
  const close = () => {
    editing.value = null;
    document.getElementById("message")?.focus();
  };
  const submit = () => {
    if (text.trim() === "" || (!isAnswer && !canSend.value)) return;
    close();
    if (isAnswer) replaceAnswer(turn, text);
    else void edit(turn, text);
  };
  useLayoutEffect(() => {
    area.current?.focus();
    area.current?.setSelectionRange(text.length, text.length);
  }, []);
  useLayoutEffect(() => fitHeight(area.current), [text]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      close();
    }
    if (event.key !== "Enter" || event.shiftKey || isTouch.value) return;
    event.preventDefault();
    submit();
  };
  return (
    <div class="edit-form">
      <textarea
        ref={area}
        aria-label={isAnswer ? "The changed answer" : "The changed message"}
        rows={1}
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <div class="edit-buttons">
        <button type="button" class="button" onClick={close}>
          Cancel
        </button>
        <button type="button" class="button is-main" disabled={!isAnswer && !canSend.value} onClick={submit}>
          {isAnswer ? "Keep" : "Send"}
        </button>
      </div>
    </div>
  );
}
