/** The field for the next message. Typing in it draws nothing but itself. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { send } from "../actions/chat-actions.js";
import { stopRun } from "../actions/run.js";
import { IconButton } from "../app/button.js";
import { isTouch } from "../app/media.js";
import { canSend, draft, editing, hasChat, isBusy, model, path } from "../state/store.js";
import { fitHeight } from "./fit-height.js";

export function Composer() {
  const area = useRef<HTMLTextAreaElement>(null);
  const text = draft.value;
  const cannot = model.value !== null && !hasChat.value;
  const isReady = canSend.value && !cannot && text.trim() !== "";
  const submit = () => {
    if (!isReady) return;
    draft.value = "";
    void send(text);
    area.current?.focus();
  };
  useLayoutEffect(() => fitHeight(area.current), [text]);
  useLayoutEffect(() => {
    if (!isTouch.value) area.current?.focus();
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    if (event.key === "ArrowUp" && text === "" && !isBusy.value) {
      const last = path.value.findLast(({ role }) => role === "user");
      if (last) {
        event.preventDefault();
        editing.value = last.id;
      }
    }
    if (event.key !== "Enter" || event.shiftKey || isTouch.value) return;
    event.preventDefault();
    submit();
  };
  return (
    <div class="composer">
      <textarea
        ref={area}
        id="message"
        aria-label="Message"
        placeholder={cannot ? "This model has no chat format" : "Write a message"}
        rows={1}
        value={text}
        enterkeyhint={isTouch.value ? "enter" : "send"}
        onInput={({ currentTarget }) => {
          draft.value = currentTarget.value;
        }}
        onKeyDown={onKeyDown}
      />
      {isBusy.value ? (
        <IconButton class="is-main" icon="stop" name="Stop" keys="Esc" onClick={stopRun} />
      ) : (
        <IconButton class="is-main" icon="send" name="Send" keys="Enter" isOff={!isReady} onClick={submit} />
      )}
    </div>
  );
}
