/** Hosts as network namespaces of Linux, joined by a cable: their rate is limited, and packets are dropped in both directions. For root. */
import { execFileSync } from "node:child_process";
import { after } from "node:test";

/** Value for a test's `skip`. */
export const withoutNamespaces: string | false = findReason();

function findReason(): string | false {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "network namespaces need root on Linux";
  const name = `lts-${process.pid}-x`;
  try {
    run("ip", "netns", "add", name);
    run("ip", "netns", "exec", name, "nft", "list", "ruleset");
    return false;
  } catch (error) {
    return `network namespaces or nft do not work here: ${String((error as Error).message).split("\n")[0]}`;
  } finally {
    try {
      run("ip", "netns", "delete", name);
    } catch {
      // It was not made.
    }
  }
}

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { stdio: ["ignore", "ignore", "pipe"] });
}

let count = 0;

/** Two hosts at 10.99.N.1 and 10.99.N.2. */
export class Cable {
  readonly #names: readonly [string, string];
  readonly #net: string;

  /** `rate` as tc takes it: 1gbit. */
  constructor(rate?: string) {
    const id = count++;
    this.#net = `10.99.${id}`;
    this.#names = [`lts-${process.pid}-${id}a`, `lts-${process.pid}-${id}b`];
    const [a, b] = this.#names;
    after(() => this.remove());
    for (const name of this.#names) run("ip", "netns", "add", name);
    run("ip", "link", "add", "e0", "netns", a, "type", "veth", "peer", "name", "e0", "netns", b);
    for (const [i, name] of this.#names.entries()) {
      run("ip", "-n", name, "addr", "add", `${this.address(i)}/24`, "dev", "e0");
      run("ip", "-n", name, "link", "set", "e0", "up");
      run("ip", "-n", name, "link", "set", "lo", "up");
      if (rate === undefined) continue;
      const tbf = ["tbf", "rate", rate, "burst", "256kb", "latency", "100ms"];
      run("ip", "netns", "exec", name, "tc", "qdisc", "add", "dev", "e0", "root", ...tbf);
    }
  }

  address(host: number): string {
    return `${this.#net}.${host + 1}`;
  }

  /** The words before a command that runs on a host. */
  prefix(host: number): string[] {
    return ["ip", "netns", "exec", this.#names[host]!];
  }

  /** Drops all packets of a host; nothing is closed. */
  cut(host: number): void {
    // Not of its own loopback.
    const own = (name: string, hook: string, key: string) =>
      `chain ${name} { type filter hook ${hook} priority 0; policy accept; ${key} "e0" drop; };`;
    const [program, ...rest] = this.prefix(host);
    run(
      program!,
      ...rest,
      "nft",
      `table inet cut { ${own("i", "input", "iifname")} ${own("o", "output", "oifname")} }`,
    );
  }

  heal(host: number): void {
    const [program, ...rest] = this.prefix(host);
    run(program!, ...rest, "nft", "delete table inet cut");
  }

  remove(): void {
    for (const name of this.#names) {
      try {
        run("ip", "netns", "delete", name);
      } catch {
        // Removed already.
      }
    }
  }
}
