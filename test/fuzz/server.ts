/**
 * Sends wrong requests to a real server: it may refuse them, never fail, and answers others meanwhile as if nothing were.
 * By hand: npm run fuzz:serve -- [--seed N] [--count N] [--start N]; a failure prints the arguments that repeat it.
 */
import { connect } from "node:net";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type ServerProcess, startServer, untilIdle } from "../server/server-process.js";
import { Dice } from "./dice.js";
import { type WrongRequests, wrongRequests } from "./requests.js";

const AT_ONCE = 16;
/** Of an answer; a client that has sent half a request leaves after it. */
const WAIT_MS = 1000;
/** What another client asks meanwhile. */
const WITNESS = { prompt: "Once upon a time", max_tokens: 24, temperature: 0.8, seed: 11 };

export interface ServerFuzzResult {
  /** Answers by status; 0: none. */
  statuses: Map<number, number>;
  failures: string[];
}

/** Starts a server whose answers are short. */
export function startTarget(): Promise<ServerProcess> {
  const limits = ["--max_gen_len", "24", "--max_queue", "100", "--sse_ping", "0.05"];
  return startServer([
    "--log_format",
    "none",
    "--nproc_per_node",
    "1",
    "--chat",
    "llama2",
    "--max_restarts",
    "0",
    ...limits,
  ]);
}

/** Sends `count` connections of wrong requests, the first of which is number `start`. */
export async function fuzzServer(
  server: ServerProcess,
  { seed, count, start = 0 }: { seed: number; count: number; start?: number },
): Promise<ServerFuzzResult> {
  const result: ServerFuzzResult = { statuses: new Map(), failures: [] };
  const ask = async () => (await server.json("/v1/completions", WITNESS)).body.choices?.[0].text as string | undefined;
  const expected = await ask();
  let next = start;
  const send = async () => {
    while (next < start + count) {
      const number = next++;
      const answer = await exchange(server.port, wrongRequests(new Dice(seed, number)));
      const problem = check(answer, result.statuses);
      if (problem) result.failures.push(`${problem}: --seed ${seed} --start ${number} --count 1`);
    }
  };
  let isOver = false;
  const witness = async () => {
    while (!isOver) {
      const text = await ask().catch((error: Error) => `${error.cause ?? error}`);
      if (text !== expected) result.failures.push(`another client got ${text}, not ${expected}, about number ${next}`);
      await new Promise((done) => setTimeout(done, 50));
    }
  };
  const witnessed = witness();
  await Promise.all(Array.from({ length: AT_ONCE }, send));
  isOver = true;
  await witnessed;
  await untilIdle(server);
  const bugs = server.stderr().match(/unexpected failure[\s\S]{0,2000}/);
  if (bugs) result.failures.push(bugs[0]);
  return result;
}

/** All that comes back over one connection. */
function exchange(port: number, { bytes, cuts, end }: WrongRequests): Promise<string> {
  return new Promise((resolve) => {
    let received = "";
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    const leave = () => socket.destroy();
    const timer = setTimeout(leave, WAIT_MS);
    socket.setEncoding("latin1").on("data", (piece) => {
      received += piece;
      if (end === "wait") timer.refresh();
      if (isWhole(received)) leave();
    });
    socket.on("end", () => socket.end()).on("error", () => {});
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(received);
    });
    const places = [0, ...cuts, bytes.length];
    const write = (i: number) => {
      if (i + 1 >= places.length) {
        if (end === "half-close") socket.end();
        else if (end === "leave") setImmediate(leave);
        return;
      }
      socket.write(bytes.subarray(places[i], places[i + 1]));
      setImmediate(write, i + 1);
    };
    write(0);
  });
}

/** Whether the last answer is there: most connections need no waiting. */
function isWhole(received: string): boolean {
  const at = received.lastIndexOf("HTTP/1.1 ");
  const head = received.indexOf("\r\n\r\n", at);
  if (head < 0) return false;
  const [, length] = /content-length: (\d+)/i.exec(received.slice(at, head)) ?? [];
  return length === undefined ? received.endsWith("\r\n0\r\n\r\n") : received.length >= head + 4 + Number(length);
}

/** What is wrong with the answers of a connection; null if nothing is. */
function check(received: string, statuses: Map<number, number>): string | null {
  const heads = [...received.matchAll(/HTTP\/1\.1 (\d+) [^\r\n]*\r\n/g)].map(([, status]) => Number(status));
  for (const status of heads.length > 0 ? heads : [0]) statuses.set(status, (statuses.get(status) ?? 0) + 1);
  if (received !== "" && !received.startsWith("HTTP/1.1 ")) return `no HTTP: ${JSON.stringify(received.slice(0, 200))}`;
  const wrong = heads.find((status) => status >= 500 && status !== 503);
  if (wrong) return `status ${wrong}`;
  if (/"code":"internal"|"engine_failed"/.test(received)) return received.slice(-300);
  return null;
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: String(Date.now() % 1e6) },
      count: { type: "string", default: "10000" },
      start: { type: "string", default: "0" },
    },
  });
  const options = { seed: Number(values.seed), count: Number(values.count), start: Number(values.start) };
  const server = await startTarget();
  const begin = performance.now();
  const { statuses, failures } = await fuzzServer(server, options);
  server.child.kill("SIGTERM");
  const code = await server.ended();
  console.log(`seed ${options.seed}: ${Math.round((performance.now() - begin) / 1000)} s, exit code ${code}`, statuses);
  for (const failure of failures) console.log(failure);
  process.exitCode = failures.length > 0 || code !== 0 ? 1 : 0;
}
