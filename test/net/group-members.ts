/** Members of a group in this process, each with its own connection to a real server, for tests: stages that add their rank to what passes. */
import { LlamaError } from "../../src/error.js";
import { Follower, type StageWork } from "../../src/net/group/follower.js";
import { Leader } from "../../src/net/group/leader.js";
import { type GroupOptions, Member } from "../../src/net/group/member.js";
import type { RingLink } from "../../src/net/group/ring-link.js";
import { connect, type Net } from "../../src/net/nats/net.js";

export interface Joined {
  net: Net;
  member: Member;
  said: string[];
  stop: AbortController;
}

const open: Joined[] = [];

/** `await using` it after the server: members leave before that ends. A test that fails leaves some, whose timers would keep the process alive. */
export const members = {
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { member, net } of open.splice(0)) {
      member.pulse.close();
      await net.close();
    }
  },
};

/** `nkeySeed`: the key, if the server wants one. */
export async function join(
  url: string,
  id: string,
  { nkeySeed, ...options }: Partial<GroupOptions> & { nkeySeed?: string } = {},
): Promise<Joined> {
  const net = await connect({ servers: [url], name: "test", pingMs: 500, ...(nkeySeed && { nkeySeed }) });
  const said: string[] = [];
  const stop = new AbortController();
  const all: GroupOptions = {
    ...{ id, nodes: { least: 2, most: 2 }, rank: null, host: "here", equal: { version: "1" }, facts: {} },
    ...{ joinTimeoutMs: 5000, lostAfterMs: 1000, maxRestarts: 0, say: (line: string) => said.push(line) },
    ...{ signal: stop.signal, ...options },
  };
  try {
    const joined = { net, member: await Member.join(net, all), said, stop };
    open.push(joined);
    return joined;
  } catch (error) {
    await net.close();
    throw error;
  }
}

/** A stage that adds its rank to each message and passes it on. */
export class Echo implements StageWork {
  steps = 0;
  loads = 0;
  failed = new Promise<never>(() => {});
  readonly rank: number;

  constructor(rank: number) {
    this.rank = rank;
  }

  async load(): Promise<void> {
    this.loads++;
  }

  enter({ link }: { link: RingLink }): void {
    link.listen({
      message: (bytes) => {
        if (bytes[0] === 0xff) throw new LlamaError("runtime", "not a message");
        this.steps++;
        link.send(Uint8Array.from([...bytes, this.rank]));
      },
      failed: () => {},
    });
  }
}

/** Follows until the group is over; resolves with the error, or null for a good end. */
export async function follow(
  { member, net }: Joined,
  work: StageWork = new Echo(member.record.rank),
): Promise<LlamaError | null> {
  try {
    await new Follower(member).follow(work);
    return null;
  } catch (error) {
    if (error instanceof LlamaError) return error;
    throw error;
  } finally {
    await net.close();
  }
}

/** Node 0 with its first epoch: each host has one layer. */
export async function lead({ member }: Joined): Promise<{ leader: Leader; ring: Ring }> {
  const leader = new Leader(member);
  const hosts = await leader.gather();
  leader.assign(
    hosts,
    hosts.map((_, i) => ({ from: i, to: i + 1 })),
    {},
  );
  return { leader, ring: new Ring((await leader.connect()).link) };
}

/** Node 0's end of a link: what comes, and the failure. */
export class Ring {
  readonly link: RingLink;
  readonly failed: Promise<LlamaError>;
  #came: ((bytes: Uint8Array) => void) | null = null;
  readonly #messages: Uint8Array[] = [];

  constructor(link: RingLink) {
    this.link = link;
    this.failed = new Promise((resolve) => {
      link.listen({
        message: (bytes) => {
          if (this.#came) this.#came(bytes);
          else this.#messages.push(bytes);
          this.#came = null;
        },
        failed: resolve,
      });
    });
  }

  async next(): Promise<Uint8Array> {
    return (
      this.#messages.shift() ??
      new Promise((resolve) => {
        this.#came = resolve;
      })
    );
  }
}
