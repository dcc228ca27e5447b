/** What the gauges show now: of the request that runs, else of the last answer and of what is typed. Does not know elements. */
import { computed } from "@preact/signals";
import { lastStats } from "../actions/complete-actions.js";
import { conversation, live, model, path } from "../state/store.js";
import type { Live, Phase, Stats } from "../state/types.js";
import { typedTokens } from "./typed-tokens.js";

/** Null: not known, or not now. */
export interface Reading {
  phase: Phase | null;
  prompt: number | null;
  reused: number | null;
  firstTokenMs: number | null;
  rate: number | null;
  made: number | null;
  used: number | null;
  context: number | null;
}

export const reading = computed((): Reading => {
  const context = model.value?.context ?? null;
  const running = live.value;
  if (running) return { ...ofRun(running), context };
  const stats = conversation.value.mode === "complete" ? lastStats.value : lastOfChat();
  return { ...ofStats(stats), context };
});

function lastOfChat(): Stats | null {
  return path.value.findLast(({ stats }) => stats !== null)?.stats ?? null;
}

function ofRun({ phase, promptTokens, reusedTokens, tokens, kept, startedAt, firstTokenAt, heardAt }: Live) {
  const made = tokens.length - kept;
  const writing = firstTokenAt === null ? 0 : (heardAt - firstTokenAt) / 1000;
  return {
    ...{ phase, prompt: promptTokens, reused: reusedTokens, made },
    firstTokenMs: firstTokenAt === null ? null : firstTokenAt - startedAt,
    // The first token took the time of the prompt.
    rate: writing > 0.2 && made > 1 ? (made - 1) / writing : null,
    used: promptTokens === null ? null : promptTokens + made,
  };
}

function ofStats(stats: Stats | null) {
  const typed = typedTokens.value;
  return {
    ...{ phase: null, prompt: typed, reused: stats?.reusedTokens ?? null, made: stats?.newTokens ?? null },
    ...{ firstTokenMs: stats?.firstTokenMs ?? null, rate: stats?.tokensPerSecond ?? null },
    used: typed ?? (stats ? stats.promptTokens + stats.newTokens : null),
  };
}
