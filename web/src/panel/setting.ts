/** One parameter of the shown conversation: its value, the server's default, and the way between them. Does not know elements. */
import { saveSoon } from "../history/database.js";
import { change, conversation, model } from "../state/store.js";
import type { Settings } from "../state/types.js";

export interface Setting<K extends keyof Settings> {
  /** Undefined: the server's default. */
  value: Settings[K] | undefined;
  /** Null: not known, or no limit. */
  fallback: number | string[] | null;
  isChanged: boolean;
  set(value: Settings[K] | undefined): void;
}

/** Reads signals: a component that calls it is drawn again when they change. */
export function setting<K extends keyof Settings>(name: K): Setting<K> {
  const value = conversation.value.settings[name];
  return {
    ...{ value, fallback: model.value?.defaults[name] ?? null, isChanged: value !== undefined },
    set(next) {
      const { [name]: _, ...others } = conversation.value.settings;
      change({ settings: next === undefined ? others : { ...others, [name]: next } });
      saveSoon(conversation.value);
    },
  };
}
