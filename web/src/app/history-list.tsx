/** The history: search, open, rename, remove, export and import. */
import { useEffect, useRef, useState } from "preact/hooks";
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
  const [isNamed, setNamed] = useState(false);
  const isShown = conversation.value.id === id;
  const withWhole = async (use: (whole: NonNullable<Awaited<ReturnType<typeof readConversation>>>) => void) => {
    const whole = await readConversation(id).catch(() => null);
    if (whole) use(whole);
    else notify("It is no longer in the history");
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
        {isNamed && (
          <TitleField
            title={title}
            onDone={(name) => {
              setNamed(false);
              setOpen(false);
              if (name !== null) void rename(id, name);
            }}
          />
        )}
        {isOpen && !isNamed && (
          <div class="entry-tools">
            <button type="button" onClick={() => setNamed(true)}>
              Rename
            </button>
            <button type="button" onClick={() => void withWhole((whole) => exportJson([whole]))}>
              Export JSON
            </button>
            <button type="button" onClick={() => void withWhole(exportMarkdown)}>
              Export Markdown
            </button>
            <SureButton name="Remove" sure="Remove for good" onClick={() => void removeConversation(id)} />
          </div>
        )}
      </li>
    </>
  );
}

/** A button that asks once more: what it does cannot be taken back. */
function SureButton({
  name,
  sure,
  class: kind,
  onClick,
}: {
  name: string;
  sure: string;
  class?: string;
  onClick: () => void;
}) {
  const [isAsking, setAsking] = useState(false);
  return (
    <button
      type="button"
      class={`${kind ?? ""} ${isAsking ? "is-asking" : ""}`}
      onBlur={() => setAsking(false)}
      onClick={() => {
        if (isAsking) onClick();
        setAsking(!isAsking);
      }}
    >
      {isAsking ? sure : name}
    </button>
  );
}

/** `onDone` gets the new title, null for none. */
function TitleField({ title, onDone }: { title: string; onDone: (title: string | null) => void }) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.select(), []);
  return (
    <input
      ref={field}
      class="title-field"
      aria-label="Title"
      defaultValue={title}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== "Escape") return;
        event.stopPropagation();
        onDone(event.key === "Enter" ? event.currentTarget.value : null);
      }}
      onBlur={() => onDone(null)}
    />
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
        <button type="button" class="link-button" onClick={() => void readAll().then(exportJson)}>
          Export all
        </button>
        <SureButton class="link-button" name="Clear" sure="Remove all" onClick={() => void removeConversation(null)} />
      </div>
    </div>
  );
}
