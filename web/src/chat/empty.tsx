/** What Chat shows before the first message. */
import { chooseModeByHand } from "../history/session.js";
import { draft, model } from "../state/store.js";

const STARTS = [
  "Explain how a bicycle stays upright.",
  "Write a short poem about the sea in winter.",
  "What should I ask before I rent a flat?",
];

export function EmptyChat() {
  return (
    <div class="scroll">
      <div class="column empty">
        <h2>{model.value ? `Talk to ${model.value.name}` : "Talk to the model"}</h2>
        <p>What you write goes to this server and nowhere else. The history stays in this browser.</p>
        <ul class="starts">
          {STARTS.map((text) => (
            <li key={text}>
              <button
                type="button"
                onClick={() => {
                  draft.value = text;
                  document.getElementById("message")?.focus();
                }}
              >
                {text}
              </button>
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}

export function NoChatFormat() {
  return (
    <div class="scroll">
      <div class="column empty">
        <h2>{model.value?.name ?? "This model"} only continues text</h2>
        <p>
          It has no chat format. Write the beginning of a text and let the model continue, or start the server with{" "}
          <code>--chat</code> if it is a chat model.
        </p>
        <p>
          <button type="button" class="button is-main" onClick={() => void chooseModeByHand("complete")}>
            Go to Complete
          </button>
        </p>
      </div>
    </div>
  );
}
