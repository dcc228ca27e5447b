/** Reads server-sent events from a body. Does not know what the data means. */

/** Characters of one event: more is no event of this server. */
const MAX_EVENT = 16 << 20;

/**
 * The data of each event, in order. `onBytes` is called for everything that comes, comments too. Throws for an event that does not
 * end; what follows the last empty line is dropped, as the standard says.
 */
export async function* readEvents(body: ReadableStream<Uint8Array>, onBytes: () => void): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let held = "";
  let data: string[] = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      onBytes();
      held += decoder.decode(value, { stream: true });
      if (held.length > MAX_EVENT) throw new Error("an event of the server has no end");
      // A carriage return at the end may be the first half of a line end.
      const lines = held.split(/\r\n|\n|\r(?!$)/);
      held = lines.pop()!;
      for (const line of lines) {
        if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5));
        if (line !== "" || data.length === 0) continue;
        yield data.join("\n");
        data = [];
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
