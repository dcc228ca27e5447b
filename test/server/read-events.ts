/** Reads a stream of server-sent events to its end, for tests that look at the events themselves. */
import type { Json, ServerProcess } from "./server-process.js";

/** The data of each event as JSON, without the last, [DONE]. */
export async function readEvents(server: ServerProcess, path: string, body: unknown): Promise<Json[]> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${server.url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await response.text();
  const data = [...text.matchAll(/^data: (.*)$/gm)].map(([, one]) => one!);
  return data.filter((one) => one !== "[DONE]").map((one) => JSON.parse(one));
}
