/**
 * A server in front of the real one, which passes everything on but what a test answers by itself: for streams that are slow,
 * broken or dying, and for states that a real server is seldom in.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Json, ServerProcess } from "../server/server-process.js";

/** Answers a request and returns true, or leaves it to the real server. */
export type Script = (path: string, body: Json, response: ServerResponse) => boolean;

export interface ScriptedServer {
  url: string;
  /** What answers first; null: nothing. */
  script: Script | null;
  /** The bodies of the completions that were asked for. */
  completions: Json[];
  /** Cuts all connections and takes no new ones until `rise`. */
  die(): Promise<void>;
  rise(): Promise<void>;
}

export async function startScripted(real: ServerProcess): Promise<ScriptedServer> {
  const http = createServer((incoming, response) => {
    void answer(incoming, response).catch(() => response.destroy());
  });
  const listen = (port: number) => new Promise<void>((done) => http.listen(port, "127.0.0.1", done));
  // It keeps nothing waiting: the tests' end is its end.
  http.unref();
  await listen(0);
  const { port } = http.address() as AddressInfo;
  const scripted: ScriptedServer = {
    ...{ url: `http://127.0.0.1:${port}`, script: null, completions: [] },
    async die() {
      const closed = new Promise((done) => http.close(done));
      http.closeAllConnections();
      await closed;
    },
    rise: () => listen(port),
  };

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = incoming.url!;
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const body = text === "" ? null : JSON.parse(text);
    if (path === "/v1/completions") scripted.completions.push(body);
    if (scripted.script?.(path, body, response)) return;
    const { "content-type": type, authorization, accept } = incoming.headers;
    const headers = Object.entries({ "content-type": type, authorization, accept }).filter(([, value]) => value);
    const control = new AbortController();
    response.on("close", () => control.abort());
    const given = await fetch(`${real.url}${path}`, {
      ...{ method: incoming.method!, headers: headers as [string, string][], signal: control.signal },
      ...(text !== "" && { body: text }),
    });
    const passed = [...given.headers].filter(
      ([name]) => !/^(content-(length|encoding)|connection|transfer-)/.test(name),
    );
    response.writeHead(given.status, passed.flat());
    for await (const chunk of given.body ?? []) response.write(chunk);
    response.end();
  }
  return scripted;
}

/** Begins a stream of events; returns what sends one, and what sends bytes as they are. */
export function openStream(response: ServerResponse) {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
  return {
    raw: (text: string) => void response.write(text),
    event: (value: Json) => void response.write(`data: ${JSON.stringify(value)}\n\n`),
    /** A piece of text; with `top`, as a token with the logprobs of others. */
    piece(text: string, top?: Record<string, number>) {
      const all = { [text]: -0.5, ...top };
      const logprobs = { tokens: [text], token_logprobs: [-0.5], top_logprobs: [all], text_offset: [0] };
      this.event({ choices: [{ index: 0, text, logprobs: top ? logprobs : null, finish_reason: null }] });
    },
    end(reason = "stop") {
      this.event({
        choices: [{ index: 0, text: "", token_ids: [], logprobs: null, finish_reason: reason }],
        timings: {},
      });
      response.end("data: [DONE]\n\n");
    },
  };
}
