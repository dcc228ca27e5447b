/** The options of `repl`, by their names on the command line. */

import type { LoadFlags } from "../../model/load.js";
import type { SamplingFlags } from "../../options/flags.js";

export interface ReplFlags extends LoadFlags, SamplingFlags {
  chat: "auto" | "llama2" | "llama3" | "none";
  system?: string | undefined;
  session?: string | undefined;
  session_cache?: true | undefined;
  no_history?: true | undefined;
}
