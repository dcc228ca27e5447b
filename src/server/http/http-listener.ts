/** The listening socket: its limits and its orderly end. Does not know routes. */
import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer, type Server as SecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { LlamaError } from "../../error.js";

/** A reader that takes nothing for this time, twice at most, loses its answer. */
const STALL_MS = 60_000;

/** Certificate and key of TLS, as PEM. */
export interface TlsFiles {
  cert: Buffer;
  key: Buffer;
}

export class HttpListener {
  readonly #server: Server;
  readonly #responses = new Set<ServerResponse>();
  #isClosing = false;

  /** With `tls` it speaks HTTPS only. Throws LlamaError (usage) for what is not a certificate or its key. */
  constructor(listener: RequestListener, tls: TlsFiles | null = null, stallMs = STALL_MS) {
    const limits = {
      // Time to send a request, not to answer it; connections of proxies are kept longer than they keep them.
      ...{ headersTimeout: 20_000, requestTimeout: 60_000, keepAliveTimeout: 75_000, maxHeaderSize: 16 << 10 },
      // Host is checked with the other headers, so that the answer has the form of all errors.
      requireHostHeader: false,
    };
    const onRequest: RequestListener = (incoming, outgoing) => {
      this.#responses.add(outgoing);
      // Node says nothing to a response that waits for another one of the same connection, when that ends.
      const gone = () => outgoing.emit("close");
      const { socket } = incoming;
      socket.setMaxListeners(0).once("close", gone);
      outgoing.once("close", () => {
        this.#responses.delete(outgoing);
        socket.off("close", gone);
      });
      if (this.#isClosing) outgoing.setHeader("connection", "close");
      listener(incoming, outgoing);
    };
    this.#server = tls ? secureServer({ ...limits, ...tls }, onRequest) : createServer(limits, onRequest);
    // Of a connection on which nothing has moved; Node looks whether the reader has taken a part of a write.
    this.#server.timeout = stallMs;
    this.#server.on("timeout", (socket: Socket) => {
      const isComputing = [...this.#responses].some(({ req }) => req.socket === socket);
      if (!isComputing || socket.writableLength > 0) socket.destroy();
    });
    this.#server.maxConnections = 1024;
    // The body reader asks for the body once the headers are found right.
    this.#server.on("checkContinue", onRequest);
    this.#server.on("clientError", (_: Error, socket: Socket) => refuse(socket));
  }

  /** Opens the port, 0 for a free one; returns its address. Throws LlamaError for one that cannot be had. */
  async listen(host: string, port: number): Promise<{ host: string; port: number }> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (error) => reject(listenError(error, host, port)));
      this.#server.listen({ host, port }, resolve);
    });
    return { host, port: (this.#server.address() as AddressInfo).port };
  }

  /** Uses another certificate for new connections. Throws LlamaError (usage) for what is not one. */
  setTls(tls: TlsFiles): void {
    checkTls(() => (this.#server as SecureServer).setSecureContext({ ...tls, minVersion: "TLSv1.2" }));
  }

  /** Requests that are not answered yet. */
  get openResponses(): number {
    return this.#responses.size;
  }

  /** Takes no more connections, and keeps no idle ones. */
  drain(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    for (const response of this.#responses) if (!response.headersSent) response.setHeader("connection", "close");
    this.#server.close();
    this.#server.closeIdleConnections();
  }

  /** Waits until every request is answered; returns whether all were in time. */
  async whenIdle(milliseconds: number): Promise<boolean> {
    const end = performance.now() + milliseconds;
    while (this.#responses.size > 0 && performance.now() < end) await new Promise((done) => setTimeout(done, 20));
    return this.#responses.size === 0;
  }

  close(): void {
    this.drain();
    this.#server.closeAllConnections();
  }
}

function secureServer(options: TlsFiles, onRequest: RequestListener): Server {
  return checkTls(() => createSecureServer({ ...options, minVersion: "TLSv1.2" }, onRequest));
}

function checkTls<T>(use: () => T): T {
  try {
    return use();
  } catch (cause) {
    const found = (cause as Error).message;
    throw new LlamaError("usage", "cannot be used for TLS", { where: "certificate and key", found, cause });
  }
}

/** Answers what is no HTTP, or too much of it. */
function refuse(socket: Socket): void {
  if (!socket.writable) return;
  const error = {
    message: "The request is not HTTP",
    type: "invalid_request_error",
    param: null,
    code: "invalid_http",
  };
  const body = JSON.stringify({ error });
  const headers = `content-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close`;
  socket.end(`HTTP/1.1 400 Bad Request\r\n${headers}\r\n\r\n${body}`);
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): LlamaError {
  const where = `${host}:${port}`;
  if (error.code === "EADDRINUSE") {
    const fix = `Choose another port, or 0 for a free one; what listens there: curl http://${where}/v1/models`;
    return new LlamaError("runtime", "the port is taken", { where, fix, cause: error });
  }
  if (error.code === "EACCES") {
    const fix = "Choose a port of at least 1024";
    return new LlamaError("runtime", "may not open this port", { where, fix, cause: error });
  }
  const problem = "cannot listen at this address";
  return new LlamaError("runtime", problem, { where, found: error.code ?? error.message, cause: error });
}
