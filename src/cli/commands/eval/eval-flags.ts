/** The options of `eval`, by their names on the command line. */
import type { LoadFlags } from "../../model/load.js";
import type { SubmitFlags } from "../../queue/queue-flags.js";

export interface EvalFlags extends LoadFlags, SubmitFlags {
  tasks?: string | undefined;
  data?: string | undefined;
  num_fewshot?: number | undefined;
  limit?: number | undefined;
  seed: number;
  add_bos: "auto" | "yes" | "no";
  output?: string | undefined;
  log_samples?: true | undefined;
  json?: true | undefined;
  resume?: true | undefined;
  overwrite?: true | undefined;
  shard?: string | undefined;
  concurrency: number;
  kv_memory?: number | undefined;
}
