/** The state of the server and of the last request in words, with what the user can do. Nothing is shown while all is well. */
import { useState } from "preact/hooks";
import { look, useKey } from "../state/server-state.js";
import { live, problem, server, warning } from "../state/store.js";
import type { ServerState } from "../state/types.js";
import { Remedies } from "./remedies.js";
import { useNow } from "./ticker.js";

/** Silence that is worth saying: the server sends a sign of life every 10 s. */
const SILENCE_MS = 25_000;

export function Status() {
  const state = server.value;
  return (
    <div class="states" role="status">
      {state.kind !== "ready" && state.kind !== "connecting" && <ServerLine state={state} />}
      {live.value?.phase.kind === "busy" && <BusyLine retryAt={live.value.phase.retryAt} />}
      {live.value && <SilenceLine heardAt={live.value.heardAt} />}
      {problem.value && (
        <p class="state is-problem">
          <span>{problem.value.text}</span> <Remedies remedy={problem.value.remedy} />
        </p>
      )}
      {warning.value !== "" && <p class="state">{warning.value}</p>}
    </div>
  );
}

function ServerLine({ state }: { state: ServerState }) {
  if (state.kind === "loading") return <LoadingLine part={state.part} />;
  if (state.kind === "draining") return <p class="state">The server is ending. It takes no more requests.</p>;
  if (state.kind === "failed") return <p class="state is-problem">The model has failed. The server is ending.</p>;
  if (state.kind === "key-wanted") return <KeyForm isWrong={state.isWrong} />;
  if (state.kind === "gone") return <GoneLine retryAt={state.retryAt} />;
  return null;
}

function LoadingLine({ part }: { part: number | null }) {
  const shown = part === null ? "" : `: ${Math.floor(part * 100)} %`;
  return (
    <p class="state is-loading">
      <span>The model is loading{shown}. You can write already.</span>
      <progress aria-label="Loading the model" max={1} {...(part !== null && { value: part })} />
    </p>
  );
}

function GoneLine({ retryAt }: { retryAt: number }) {
  const seconds = Math.max(0, Math.ceil((retryAt - useNow()) / 1000));
  return (
    <p class="state is-problem">
      <span>
        The server does not answer. Your text is kept.{" "}
        <span aria-hidden="true">{seconds > 0 ? `Trying again in ${seconds} s.` : "Trying again."}</span>
      </span>{" "}
      <button type="button" class="link-button" onClick={() => void look()}>
        Try now
      </button>
    </p>
  );
}

function BusyLine({ retryAt }: { retryAt: number }) {
  const seconds = Math.max(1, Math.ceil((retryAt - useNow()) / 1000));
  return (
    <p class="state">
      The server is busy. <span aria-hidden="true">Asking again in {seconds} s.</span>
    </p>
  );
}

function SilenceLine({ heardAt }: { heardAt: number }) {
  useNow(1000);
  const silent = performance.now() - heardAt;
  if (silent < SILENCE_MS) return null;
  return (
    <p class="state">
      The server has been silent for a while. <span aria-hidden="true">{Math.floor(silent / 1000)} s.</span> Esc stops.
    </p>
  );
}

function KeyForm({ isWrong }: { isWrong: boolean }) {
  const [key, setKey] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    if (key.trim() !== "") void useKey(key);
  };
  return (
    <form class="state key-form" onSubmit={submit}>
      <label for="key">{isWrong ? "The key is wrong. Another one:" : "This server wants a key:"}</label>
      <input
        id="key"
        type="password"
        autoComplete="off"
        value={key}
        onInput={({ currentTarget }) => setKey(currentTarget.value)}
      />
      <button type="submit" class="button is-main">
        Use it
      </button>
      <small>It is kept in this tab only, until the tab closes.</small>
    </form>
  );
}
