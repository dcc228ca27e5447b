/** One line a request, for the log: what it was, how it ended, its counts and times. Never a text, a key or a query. */

export interface LogEntry {
  id: string;
  method: string;
  /** The route's own path, not what the client wrote. */
  route: string;
  status: number;
  tokens: { prompt: number; cached: number; generated: number } | null;
  queueMs: number | null;
  firstTokenMs: number | null;
  totalMs: number;
}

/** What was asked and answered, for --log_prompts. */
export interface PromptEntry {
  id: string;
  route: string;
  status: number;
  /** The checked fields of the body. */
  request: Readonly<Record<string, unknown>>;
  /** Of its choices; null if there is no answer. */
  texts: readonly string[] | null;
}

export function logLine(entry: LogEntry, format: "text" | "json", time = new Date()): string {
  const { id, method, route, status, tokens, queueMs, firstTokenMs, totalMs } = entry;
  if (format === "json") {
    const counts = { ...tokens, queue_ms: queueMs, first_token_ms: firstTokenMs, total_ms: totalMs };
    return JSON.stringify({ time: time.toISOString(), id, method, route, status, ...counts });
  }
  const parts = [time.toISOString(), id, method, route, status];
  if (tokens) parts.push(`${tokens.prompt} in (${tokens.cached} cached)`, `${tokens.generated} out`);
  if (queueMs !== null) parts.push(`queue ${Math.round(queueMs)} ms`);
  if (firstTokenMs !== null) parts.push(`first ${Math.round(firstTokenMs)} ms`);
  return [...parts, `total ${Math.round(totalMs)} ms`].join(" ");
}
