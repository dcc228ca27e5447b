/** A client that writes its own bytes, for what a well-behaved one never does. */
import { connect, type Socket } from "node:net";

export interface RawClient {
  socket: Socket;
  /** All that has come. */
  received(): string;
  /** Waits for a text. */
  until(pattern: RegExp): Promise<void>;
  closed: Promise<void>;
}

export function rawClient(port: number, text = ""): RawClient {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  let received = "";
  socket.setEncoding("utf8").on("data", (piece) => {
    received += piece;
  });
  socket.on("error", () => {});
  const closed = new Promise<void>((resolve) => {
    socket.on("end", () => socket.end()).on("close", () => resolve());
  });
  if (text !== "") socket.write(text);
  const until = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (pattern.test(received)) resolve();
      };
      socket.on("data", look);
      void closed.then(() => reject(new Error(`closed before ${pattern}: ${received}`)));
      look();
    });
  return { socket, received: () => received, until, closed };
}

/** The bytes of a request. */
export function rawRequest(path: string, body?: unknown, headers: readonly string[] = ["Host: localhost"]): string {
  if (body === undefined) return [`GET ${path} HTTP/1.1`, ...headers, "", ""].join("\r\n");
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const length = [`Content-Type: application/json`, `Content-Length: ${Buffer.byteLength(text)}`];
  return [`POST ${path} HTTP/1.1`, ...headers, ...length, "", text].join("\r\n");
}
