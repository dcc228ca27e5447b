/** Connects this host to its group's server, which it may have to start, and takes its place in the group. Does not know the model. */
import { setTimeout as sleep } from "node:timers/promises";
import { LlamaError } from "../../error.js";
import { type GroupOptions, Member } from "../../net/group/member.js";
import { connect, type Net } from "../../net/nats/net.js";
import { reportState } from "../supervisor/supervised.js";
import { isOwnAddress, OwnServer } from "./own-server.js";
import type { RdzvOptions } from "./rdzv-options.js";

/** Between two tries to reach the server. */
const RETRY_MS = 250;
/** A process that has nothing to do ends after this time at the latest. */
const END_MS = 1000;
/** Two pings without an answer: the connection is lost. */
const PING_MS = 1000;

export interface Meeting {
  member: Member;
  /** Closes the connection, and the server if it is this host's. */
  leave(): Promise<void>;
}

/** Throws LlamaError if the server cannot be reached in time or refuses, or the group has no place for this host. */
export async function meet(rdzv: RdzvOptions, options: GroupOptions): Promise<Meeting> {
  const { net, server } = await reach(rdzv, options);
  const leave = async () => {
    if (!net.isConnected) endSoon();
    await net.close();
    await server?.stop();
    if (server) reportState({ helper: 0 });
  };
  try {
    return { member: await Member.join(net, options), leave };
  } catch (error) {
    await leave();
    throw error;
  }
}

/**
 * The client leaves a socket that tries to reach the server, which would keep the process alive for minutes. The end of the command
 * comes first, and what it has written.
 */
function endSoon(): void {
  const timer = setInterval(() => {
    const hasEnded = process.exitCode !== undefined;
    if (hasEnded && process.stdout.writableLength + process.stderr.writableLength === 0) process.exit();
  }, END_MS);
  timer.unref();
}

async function reach(
  rdzv: RdzvOptions,
  { signal, say }: GroupOptions,
): Promise<{ net: Net; server: OwnServer | null }> {
  const end = performance.now() + rdzv.joinTimeoutMs;
  let server = null as OwnServer | null;
  try {
    for (;;) {
      try {
        return { net: await connect({ ...rdzv.net.options, pingMs: PING_MS, ...(signal && { signal }) }), server };
      } catch (error) {
        if (!(error instanceof LlamaError) || error.kind !== "runtime" || performance.now() > end) throw error;
        if (server === null && (await startsServer(rdzv))) {
          server = await startServer(rdzv);
          if (server) {
            say(`Started nats-server at ${rdzv.net.options.servers[0]}.`);
            continue;
          }
        }
      }
      await sleep(RETRY_MS, undefined, signal && { signal });
    }
  } catch (error) {
    await server?.stop();
    throw error;
  }
}

/** Only of the host that may be node 0. */
async function startsServer({ rank, isHost, net }: RdzvOptions): Promise<boolean> {
  if (rank !== null && rank !== 0) return false;
  return isHost ?? (await isOwnAddress(endpoint(net.options.servers).host));
}

/** null: another process was quicker. */
async function startServer({ net, tls, rank }: RdzvOptions): Promise<OwnServer | null> {
  const { token, servers } = net.options;
  try {
    const server = await OwnServer.start({ ...endpoint(servers), token, tls });
    reportState({ helper: server.pid });
    return server;
  } catch (error) {
    // Of two hosts without a rank on one machine, one has the port.
    if (rank === null && error instanceof LlamaError && error.kind === "runtime") return null;
    throw error;
  }
}

/** Of `nats://HOST:PORT`. */
function endpoint([server]: readonly string[]): { host: string; port: number } {
  const [, host, port] = /^\w+:\/\/(.*):(\d+)$/.exec(server!)!;
  return { host: host!, port: Number(port) };
}
