/** The history: search, open, rename, remove, export and import. */
import { useState } from "preact/hooks";
import { readAll, readConversation } from "../history/database.js";
import { openConversation, removeConversation, rename, startNew } from "../history/session.js";
import { exportJson, exportMarkdown, importFile } from "../history/transfer.js";
import { conversation, notify, summaries } from "../state/store.js";
import type { Summary } from "../state/types.js";
import { IconButton } from "./button.js";
import { dayOf } from "./days.js";
import { Icon } from "./icons.js";

/** More are shown by the search. */
const MOST = 300;

export function HistoryList({ onChosen }: { onChosen: () => void }) {
  const [query, setQuery] = useState("");
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const found = summaries.value.filter((one) => words.every((word) => one.words.includes(word))).slice(0, MOST);
  return (
    <div class="history">
      <div class="history-head">
        <button
          type="button"
          class="button is-wide"
          onClick={() => {
            void startNew();
            onChosen();
          }}
        >
          <Icon name="plus" /> New
        </button>
        <label class="search">
          <Icon name="search" />
          <span class="unseen">Search the history</span>
          <input
            id="search"
            type="search"
            placeholder="Search"
            value={query}
            onInput={({ currentTarget }) => setQuery(currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key !== "Enter" || !found[0]) return;
              void openConversation(found[0].id);
              onChosen();
            }}
          />
        </label>
      </div>
      {found.length === 0 ? (
        <p class="note history-empty">{query === "" ? "Nothing here yet." : "Nothing with these words."}</p>
      ) : (
        <ul class="history-list">
          {found.map((one, i) => (
            <Entry key={one.id} summary={one} day={dayOf(one.updatedAt, found[i - 1]?.updatedAt)} onChosen={onChosen} />
          ))}
        </ul>
      )}
      <Transfer />
    </div>
  );
}

interface EntryProps {
  summary: Summary;
  /** A title above it; null: the same as before. */
  day: string | null;
  onChosen: () => void;
}

function Entry({ summary: { id, title, mode }, day, onChosen }: EntryProps) {
  const [isOpen, setOpen] = useState(false);
  const isShown = conversation.value.id === id;
  const withWhole = async (use: (whole: NonNullable<Awaited<ReturnType<typeof readConversation>>>) => void) => {
    const whole = await readConversation(id);
    if (whole) use(whole);
  };
  return (
    <>
      {day && <li class="day">{day}</li>}
      <li class={`entry ${isShown ? "is-shown" : ""}`}>
        <button
          type="button"
          class="entry-title"
          aria-current={isShown ? "true" : undefined}
          title={title}
          onClick={() => {
            void openConversation(id);
            onChosen();
          }}
        >
          <Icon name={mode === "chat" ? "chat" : "text"} />
          {title}
        </button>
        <IconButton icon="more" name={`More about ${title}`} isExpanded={isOpen} onClick={() => setOpen(!isOpen)} />
        {isOpen && (
          <div class="entry-tools">
            <button
              type="button"
              onClick={() => {
                const name = prompt("Title", title);
                if (name !== null) void rename(id, name);
              }}
            >
              Rename
            </button>
            <button type="button" onClick={() => void withWhole((whole) => exportJson([whole]))}>
              Export JSON
            </button>
            <button type="button" onClick={() => void withWhole(exportMarkdown)}>
              Export Markdown
            </button>
            <button type="button" onClick={() => void removeConversation(id)}>
              Remove
            </button>
          </div>
        )}
      </li>
    </>
  );
}

/** Export and import of all. */
function Transfer() {
  const take = async (input: HTMLInputElement) => {
    const file = input.files?.[0];
    input.value = "";
    if (!file) return;
    try {
      const { length } = await importFile(file);
      notify(`${length} ${length === 1 ? "conversation" : "conversations"} imported`);
    } catch (error) {
      notify((error as Error).message);
    }
  };
  const clear = () => {
    if (confirm("Remove the whole history from this browser?")) void removeConversation(null);
  };
  return (
    <div class="history-foot">
      <p class="note">The history is in this browser only.</p>
      <div class="history-tools">
        <label class="link-button">
          Import
          <input
            type="file"
            accept=".json,application/json"
            class="unseen"
            onChange={({ currentTarget }) => void take(currentTarget)}
          />
        </label>
        <button type="button" class="link-button" onClick={async () => exportJson(await readAll())}>
          Export all
        </button>
        <button type="button" class="link-button" onClick={clear}>
          Clear
        </button>
      </div>
    </div>
  );
}
