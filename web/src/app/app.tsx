/** The frame of the page: history, view, parameters. */
import { Chat } from "../chat/chat.js";
import { Complete } from "../complete/complete.js";
import { Panel } from "../panel/panel.js";
import { announcement, conversation, notice, opened } from "../state/store.js";
import { Header } from "./header.js";
import { HistoryList } from "./history-list.js";
import { KeysDialog } from "./keys-dialog.js";
import { isNarrow, isTight } from "./media.js";
import { Side } from "./side.js";

export function App() {
  const { history, panel } = opened.value;
  const close = (part: "history" | "panel") => {
    opened.value = { ...opened.value, [part]: false };
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
      <p class="notice" role="status">
        {notice.value}
      </p>
      <p class="unseen" role="status" data-announcement>
        {announcement.value}
      </p>
    </>
  );
}
