/** The heartbeats of a group: sends one's own, and knows which other hosts live. Does not know what they work on. */
import type { Net, NetSubscription } from "../nats/net.js";
import { type Beat, beatBytes, readBeat } from "./beat.js";
import { beatSubject } from "./subjects.js";

export const BEAT_MS = 250;

/** Hosts that are remembered at most: more come from somebody who makes them up. */
const MAX_HOSTS = 4096;

interface Heard {
  beat: Beat;
  /** Own ticks since then. */
  silent: number;
}

/**
 * Time is counted in own ticks: while this process is stopped (Ctrl-Z, a suspended machine) none pass, so that it does not find
 * all others dead when it continues. While there is no connection none pass either: the others cannot be heard.
 */
export class Pulse {
  /** Ticks of 250 ms since the start. */
  ticks = 0;
  readonly #net: Net;
  readonly #subject: string;
  readonly #own: () => Beat;
  readonly #lostAfter: number;
  readonly #heard = new Map<string, Heard>();
  readonly #listeners = new Set<() => void>();
  readonly #beats: NetSubscription;
  readonly #timer: NodeJS.Timeout;

  /** `own`: what is sent. A host is lost after `lostAfterMs` of silence. */
  constructor(net: Net, group: string, own: () => Beat, lostAfterMs: number) {
    this.#net = net;
    this.#subject = beatSubject(group);
    this.#own = own;
    this.#lostAfter = Math.max(2, Math.ceil(lostAfterMs / BEAT_MS));
    this.#beats = net.subscribe(this.#subject);
    void this.#listen();
    this.#timer = setInterval(() => this.#tick(), BEAT_MS);
    this.send();
  }

  /** The last beat of a process that lives; null for one that is lost, has ended or was never heard. */
  of(boot: string): Beat | null {
    const heard = this.#heard.get(boot);
    return heard && heard.silent <= this.#lostAfter && heard.beat.state !== "ended" ? heard.beat : null;
  }

  /** The last beat of a process, however old. */
  lastOf(boot: string): Beat | null {
    return this.#heard.get(boot)?.beat ?? null;
  }

  /** A process is known to have ended, before its silence says so. */
  end(boot: string): void {
    const heard = this.#heard.get(boot);
    if (heard) heard.silent = Number.POSITIVE_INFINITY;
    this.#changed();
  }

  /** The beats of all other processes that live, by rank. */
  get alive(): Beat[] {
    const beats = [...this.#heard.keys()].map((boot) => this.of(boot)).filter((beat) => beat !== null);
    return beats.sort((one, other) => one.rank - other.rank);
  }

  /** Sends a beat now: something has changed. */
  send(): void {
    if (this.#net.isConnected) this.#net.publish(this.#subject, beatBytes(this.#own()));
  }

  /** Called at every tick and every beat. Returns the function that removes the listener. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves with the first value of `check` that is not undefined, or undefined after `timeoutMs`; rejects with what it throws, or the signal's reason. */
  until<T>(
    check: () => T | undefined,
    timeoutMs = Number.POSITIVE_INFINITY,
    signal?: AbortSignal,
  ): Promise<T | undefined> {
    const end = this.ticks + timeoutMs / BEAT_MS;
    return new Promise((resolve, reject) => {
      const leave = (finish: () => void) => {
        remove();
        signal?.removeEventListener("abort", look);
        finish();
      };
      const look = () => {
        try {
          signal?.throwIfAborted();
          const value = check();
          if (value !== undefined || this.ticks >= end) leave(() => resolve(value));
        } catch (error) {
          leave(() => reject(error));
        }
      };
      const remove = this.onChange(look);
      signal?.addEventListener("abort", look);
      look();
    });
  }

  close(): void {
    clearInterval(this.#timer);
    this.#beats.close();
    this.#listeners.clear();
  }

  #tick(): void {
    this.ticks++;
    if (this.#net.isConnected) for (const heard of this.#heard.values()) heard.silent++;
    this.send();
    this.#changed();
  }

  async #listen(): Promise<void> {
    const { boot } = this.#own();
    for await (const { data } of this.#beats) {
      const beat = readBeat(data);
      if (beat === null || beat.boot === boot) continue;
      if (!this.#heard.has(beat.boot) && this.#heard.size >= MAX_HOSTS) continue;
      this.#heard.set(beat.boot, { beat, silent: 0 });
      this.#changed();
    }
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
