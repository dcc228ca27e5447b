/** The head of the page: the views, the model, and the switches. */
import { curlFor } from "../actions/curl.js";
import { chooseModeByHand } from "../history/session.js";
import { conversation, draft, model, opened, showsTokens } from "../state/store.js";
import type { Mode } from "../state/types.js";
import { IconButton } from "./button.js";
import { copyText } from "./copy.js";
import { Icon } from "./icons.js";
import { keysShown } from "./keyboard.js";
import { isTouch } from "./media.js";

const MODES: readonly (readonly [Mode, string])[] = [
  ["complete", "Complete"],
  ["chat", "Chat"],
];

/** Where the keyboard is on the screen, it would cover the view. */
function focusField(): void {
  if (!isTouch.value) requestAnimationFrame(() => document.querySelector<HTMLElement>("#message, #text")?.focus());
}

export function Header() {
  const { mode } = conversation.value;
  const { history, panel } = opened.value;
  return (
    <header class="header">
      <IconButton
        icon="menu"
        name="History"
        keys="Ctrl K"
        opens="history"
        isExpanded={history}
        onClick={() => {
          opened.value = { ...opened.value, history: !history };
        }}
      />
      <nav class="modes" aria-label="View">
        {MODES.map(([name, label]) => (
          <button
            key={name}
            type="button"
            aria-current={mode === name ? "page" : undefined}
            onClick={() => void chooseModeByHand(name).then(focusField)}
          >
            {label}
          </button>
        ))}
      </nav>
      <h1 class="model" title={model.value?.build ?? ""}>
        <span class="unseen">llama-ts: </span>
        {model.value?.name ?? "llama-ts"}
      </h1>
      <div class="tools">
        <button
          type="button"
          class="switch"
          aria-pressed={showsTokens.value}
          title="Colour each token by its probability"
          onClick={() => {
            showsTokens.value = !showsTokens.value;
          }}
        >
          <Icon name="tokens" />
          <span>Tokens</span>
        </button>
        <IconButton icon="code" name="Copy curl for this" onClick={() => void copyText(curlFor(draft.value))} />
        <IconButton
          icon="help"
          name="Keys"
          keys="?"
          class="only-wide"
          onClick={() => {
            keysShown.value = true;
          }}
        />
        <IconButton
          icon="sliders"
          name="Parameters"
          opens="panel"
          isExpanded={panel}
          onClick={() => {
            opened.value = { ...opened.value, panel: !panel };
          }}
        />
      </div>
    </header>
  );
}
