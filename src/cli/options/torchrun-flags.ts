/** Parsers of torchrun's option values, in torchrun's spelling. Does not know what the options do. */
import { InvalidArgumentError } from "@commander-js/extra-typings";

/** The options of torchrun that have an effect here, by their names. (A type: an interface is not assignable to commander's OptionValues.) */
export type TorchrunFlags = {
  log_dir?: string | undefined;
  /** In the form that rankStreams() parses. */
  redirects: string;
  tee: string;
  local_ranks_filter?: readonly number[] | undefined;
  role: string;
  /** Torchrun's ways to name what it runs, which is not run here. */
  module?: true | undefined;
  no_python?: true | undefined;
  run_path?: true | undefined;
};

/** Streams of each rank: bit 0 is stdout, bit 1 stderr, as in torchrun's Std. */
export interface RankStreams {
  /** For ranks that are not in `ranks`. */
  others: number;
  ranks: Readonly<Record<number, number>>;
}

export const STDOUT = 1;
export const STDERR = 2;

export function hasStream({ others, ranks }: RankStreams, rank: number, stream: number): boolean {
  return ((ranks[rank] ?? others) & stream) !== 0;
}

/** Whether any stream of any rank is selected. */
export function namesStream({ others, ranks }: RankStreams): boolean {
  return others !== 0 || Object.values(ranks).some((streams) => streams !== 0);
}

/** Options that name ranks which do not exist, each with the first such rank: they would have no effect. */
export function unknownRanks(flags: TorchrunFlags, worldSize: number): [option: string, rank: number][] {
  const named = {
    redirects: Object.keys(rankStreams(flags.redirects).ranks).map(Number),
    tee: Object.keys(rankStreams(flags.tee).ranks).map(Number),
    local_ranks_filter: flags.local_ranks_filter ?? [],
  };
  return Object.entries(named).flatMap(([option, ranks]) => {
    const stray = ranks.find((rank) => rank >= worldSize);
    return stray === undefined ? [] : [[option, stray]];
  });
}

/** torchrun's --redirects and --tee: "3" for all ranks, or "0:1,1:3" for some. */
export function rankStreams(text: string): RankStreams {
  if (!text.includes(":")) return { others: Number(text), ranks: {} };
  return { others: 0, ranks: Object.fromEntries(text.split(",").map((pair) => pair.split(":").map(Number))) };
}

/** Checks the form that rankStreams() parses. */
export function streamsText(text: string): string {
  if (/^([0-3]|\d+:[0-3](,\d+:[0-3])*)$/.test(text)) return text;
  throw new InvalidArgumentError("Expected 0 (none), 1 (stdout), 2 (stderr), 3 (both), or ranks as 0:1,1:3.");
}

/** torchrun's --local_ranks_filter: "0,2". */
export function rankFilter(text: string): number[] {
  if (!/^\d+(,\d+)*$/.test(text)) throw new InvalidArgumentError("Expected ranks separated by commas, as 0,1.");
  return text.split(",").map(Number);
}

/** Always throws: --max_batch_size of Meta's examples, for commands where requests run at once. */
export function noBatchSize(): never {
  throw new InvalidArgumentError("Use --concurrency to set how many requests run at once.");
}

/** A parser that always throws: for an option of torchrun that has no meaning here. `advice` says what to use instead. */
export function refusal(advice: string): (text: string) => never {
  return () => {
    throw new InvalidArgumentError(`llama-ts starts its ranks itself, on one machine: ${advice}.`);
  };
}
