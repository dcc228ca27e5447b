/** The hosts that node 0 knows: their records, read once each and compared with its own. Does not decide which of them work. */
import type { LlamaError } from "../../error.js";
import type { Member } from "./member.js";
import { differenceTo, type NodeRecord, readRecord } from "./node-record.js";
import { nodeKey } from "./subjects.js";

export class Hosts {
  readonly #member: Member;
  /** By boot: the record, or why the host cannot work with this one. */
  readonly #known = new Map<string, NodeRecord | LlamaError>();
  readonly #refusals: LlamaError[] = [];
  readonly #asked = new Set<string>();
  readonly #stop: () => void;

  constructor(member: Member) {
    this.#member = member;
    this.#stop = member.pulse.onChange(() => this.#look());
  }

  /** Hosts that live and can work, by rank; the newest process of each rank. */
  get able(): NodeRecord[] {
    return this.#member.pulse.alive
      .filter(({ state }) => state !== "failed")
      .map(({ boot }) => this.#known.get(boot))
      .filter((known): known is NodeRecord => known !== undefined && "rank" in known);
  }

  /** Why the first host that was refused is; null if none was. It ends when it hears that. */
  get refusal(): LlamaError | null {
    return this.#refusals[0] ?? null;
  }

  /** Hosts that have come, also those that are refused. */
  get count(): number {
    return this.able.length + this.#refusals.length;
  }

  recordOf(boot: string): NodeRecord | null {
    const known = this.#known.get(boot);
    return known && "rank" in known ? known : null;
  }

  close(): void {
    this.#stop();
  }

  #look(): void {
    for (const { boot, rank } of this.#member.pulse.alive) {
      if (this.#known.has(boot) || this.#asked.has(boot)) continue;
      this.#asked.add(boot);
      // A record that cannot be read now is asked for again at the next beat.
      this.#read(boot, rank)
        .catch(() => {})
        .finally(() => this.#asked.delete(boot));
    }
  }

  async #read(boot: string, rank: number): Promise<void> {
    const entry = await this.#member.bucket.get(nodeKey(rank));
    const record = entry && readRecord(entry.data);
    // Of another process: this one has lost its rank.
    if (!record || record.boot !== boot || record.rank !== rank) return;
    const difference = differenceTo(this.#member.record, record);
    this.#known.set(boot, difference ?? record);
    if (difference === null) return;
    this.#refusals.push(difference);
    this.#member.become(this.#member.state.state, {
      refused: { ...this.#member.state.refused, [boot]: `${difference.kind} ${difference.message}` },
    });
  }
}
