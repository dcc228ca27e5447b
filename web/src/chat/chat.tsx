/** The view Chat: the turns of the shown path, and the field for the next message. */
import { Status } from "../app/status.js";
import { Gauges } from "../gauges/gauges.js";
import { conversation, hasChat, model, path } from "../state/store.js";
import { Composer } from "./composer.js";
import { EmptyChat, NoChatFormat } from "./empty.js";
import { Log } from "./log.js";

export function Chat() {
  const lacksFormat = model.value !== null && !hasChat.value;
  const isEmpty = path.value.length === 0;
  return (
    <div class={`view chat ${isEmpty ? "is-empty" : ""}`} key={conversation.value.id}>
      {isEmpty ? lacksFormat ? <NoChatFormat /> : <EmptyChat /> : <Log />}
      <div class="foot">
        <div class="column">
          <Status />
          <Composer />
          <Gauges />
        </div>
      </div>
    </div>
  );
}
