/** The frame of the page: history, view, parameters. */
import { Chat } from "../chat/chat.js";
import { PromptDialog } from "../chat/prompt-dialog.js";
import { Complete } from "../complete/complete.js";
import { Panel } from "../panel/panel.js";
import { announcement, conversation, notice, opened } from "../state/store.js";
import { Header } from "./header.js";
import { HistoryList } from "./history-list.js";
import { KeysDialog } from "./keys-dialog.js";
import { isNarrow, isTight } from "./media.js";
import { Side } from "./side.js";

function Notice() {
  const { text = "", undo } = notice.value ?? {};
  return (
    <div class="notice" role="status">
      {text}
      {undo && (
        <button
          type="button"
          onClick={() => {
            notice.value = null;
            undo();
          }}
        >
          Undo
        </button>
      )}
    </div>
  );
}

export function App() {
  const { history, panel } = opened.value;
  const close = (part: "history" | "panel") => {
    opened.value = { ...opened.value, [part]: false };
    // The focus was in what is closed.
    requestAnimationFrame(() => document.querySelector<HTMLElement>(`.header [data-opens=${part}]`)?.focus());
  };
  return (
    <>
      <Side side="left" title="History" isOpen={history} isOver={isNarrow.value} onClose={() => close("history")}>
        <HistoryList onChosen={() => isNarrow.value && close("history")} />
      </Side>
      <div class="middle">
        <Header />
        <main>{conversation.value.mode === "chat" ? <Chat /> : <Complete />}</main>
      </div>
      <Side side="right" title="Parameters" isOpen={panel} isOver={isTight.value} onClose={() => close("panel")}>
        <Panel />
      </Side>
      <KeysDialog />
      <PromptDialog />
      <Notice />
      <p class="unseen" role="status" data-announcement>
        {announcement.value}
      </p>
    </>
  );
}
