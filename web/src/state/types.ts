/** The types of the page: conversations, their turns and tokens, the server and the request that runs. Does not know the DOM. */

/** A token the model could have written instead. */
export interface Alternative {
  id: number;
  /** As the server names it: text, or bytes:\xe2\x96 where the token is no whole character. */
  text: string;
  logprob: number;
}

export interface Token {
  id: number;
  /** As in Alternative; "" for a token without text, such as the one that ends an answer. */
  text: string;
  /** Null where the server has not said it: the first token of a prompt, an answer that was not asked for it. */
  logprob: number | null;
  /** The most likely tokens at this place, the most likely first; empty where the server has not said them. */
  top: Alternative[];
}

/** Why an answer ended. "stopped": by the user; "failed": the server or the connection. */
export type Finish = "stop" | "length" | "stopped" | "failed";

/** Counts and times of an answer. */
export interface Stats {
  promptTokens: number;
  /** Of the prompt, found in a KV cache. */
  reusedTokens: number;
  newTokens: number;
  firstTokenMs: number;
  tokensPerSecond: number;
  seed: number | null;
}

export type Role = "user" | "assistant";

export interface Turn {
  id: string;
  /** The turn before; null for the first. Turns with the same parent are siblings, in the order of the list. */
  parent: string | null;
  role: Role;
  text: string;
  /** An answer's own tokens, with the one that ended it; null if not known. */
  tokens: Token[] | null;
  /** The model that wrote it; null: the user, or not known. Its ids are those of this model alone. */
  model: string | null;
  /** The token that ended it, the last of `tokens`; null if none did. */
  endId: number | null;
  /** Null while it is written, and for the user's. */
  finish: Finish | null;
  stats: Stats | null;
}

/** A part of the text in Complete that the model wrote, in UTF-16 units. */
export interface Run {
  start: number;
  end: number;
}

/** The text of Complete at one time. */
export interface TextState {
  text: string;
  /** Sorted, without overlap. */
  runs: Run[];
}

export type Mode = "complete" | "chat";

/** A conversation, or a text of Complete: what the history keeps. */
export interface Conversation {
  id: string;
  mode: Mode;
  /** The user's; "" for the first words of the text. */
  title: string;
  createdAt: number;
  updatedAt: number;
  /** Of the last answer. */
  model: string;
  system: string;
  /** What differs from the server's defaults. */
  settings: Settings;
  turns: Turn[];
  /** The child that is shown, by its parent's id, "" for the first turn. */
  chosen: Record<string, string>;
  /** Turns at the beginning of the shown path, in Complete characters, that the model does not get: they did not fit. */
  leftOut: number;
  document: TextState;
}

/** Fields of requests; absent: the server's default. */
export interface Settings {
  temperature?: number;
  top_p?: number;
  top_k?: number;
  min_p?: number;
  repetition_penalty?: number;
  presence_penalty?: number;
  frequency_penalty?: number;
  /** Absent: drawn for each answer. */
  seed?: number;
  stop?: string[];
  /** Length of an answer; absent: the page's own for Complete, the room in the context for Chat. */
  max_tokens?: number;
}

/** What a conversation is in the list of the history. */
export interface Summary {
  id: string;
  mode: Mode;
  title: string;
  updatedAt: number;
  /** All its text in small letters, for the search. */
  words: string;
}

/** What the server says about itself once the model is ready. */
export interface Model {
  name: string;
  context: number;
  /** The chat format; "none": it only continues text. */
  chatFormat: string;
  /** The server's defaults; null: no limit, or drawn. */
  defaults: Record<keyof Settings, number | string[] | null>;
  build: string;
}

export type ServerState =
  | { kind: "connecting" }
  /** `part`: 0 to 1; null: not known. */
  | { kind: "loading"; part: number | null }
  | { kind: "ready" }
  | { kind: "draining" }
  | { kind: "failed" }
  | { kind: "key-wanted"; isWrong: boolean }
  /** No answer. `retryAt`: when the page asks again, by Date.now(). */
  | { kind: "gone"; tries: number; retryAt: number };

/** What the request that runs does now. */
export type Phase =
  | { kind: "sending" }
  /** The server has no place now; the page asks again at `retryAt`, by Date.now(). */
  | { kind: "busy"; retryAt: number }
  | { kind: "queued"; position: number; of: number }
  /** Tokens of the prompt. */
  | { kind: "prompt"; done: number; total: number; reused: number }
  | { kind: "writing" };

/** The request that runs, drawn once a frame. */
export interface Live {
  conversation: string;
  /** The turn that is written; null: the text of Complete. */
  turn: string | null;
  phase: Phase;
  text: string;
  tokens: Token[];
  /** How many of the tokens the answer had before. */
  kept: number;
  /** By performance.now(). */
  startedAt: number;
  firstTokenAt: number | null;
  /** When the server last said anything. */
  heardAt: number;
  promptTokens: number | null;
  reusedTokens: number | null;
}

/** A problem in words, with what the user can do. */
export interface Problem {
  text: string;
  /** "context-full": turns can be left out. "retry": send the same again. */
  remedy: "none" | "retry" | "context-full";
}
