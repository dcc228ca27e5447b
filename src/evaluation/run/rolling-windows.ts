/** Divides a text of any length into windows for its log-likelihood, as lm-evaluation-harness does. Does not know what ids mean. */

/** Tokens that one pass scores, and those before them. */
export interface Window {
  context: readonly number[];
  continuation: readonly number[];
}

/**
 * Windows of at most `maxLength` inputs, of which every id is scored in one. The first begins after `prefix`; a later one has as
 * context the ids before it that fit, at least one. (get_rolling_token_windows with context_len 1, then make_disjoint_window.)
 */
export function rollingWindows(ids: readonly number[], prefix: number, maxLength: number): Window[] {
  const first = Math.min(maxLength, ids.length);
  const windows: Window[] = first === 0 ? [] : [{ context: [prefix], continuation: ids.slice(0, first) }];
  for (let done = first; done < ids.length; ) {
    const end = Math.min(ids.length, done + maxLength);
    windows.push({ context: ids.slice(end - maxLength - 1, done), continuation: ids.slice(done, end) });
    done = end;
  }
  return windows;
}
