/** The options of `repl`, by their names on the command line. */

import type { LoadFlags } from "../../model/load.js";
import type { FormFlags, SamplingFlags } from "../../options/flags.js";

export interface ReplFlags extends LoadFlags, SamplingFlags, FormFlags {
  /** A word, or the file of a template. */
  chat: string;
  system?: string | undefined;
  session?: string | undefined;
  session_cache?: true | undefined;
  no_history?: true | undefined;
}
