/** What the command line of `repl` may say. Knows no command and no file. */
import type { SamplingFlags } from "../flags.js";
import type { LoadFlags } from "../load.js";

export interface ReplFlags extends LoadFlags, SamplingFlags {
  chat: "auto" | "llama2" | "llama3" | "none";
  system?: string | undefined;
  session?: string | undefined;
  session_cache?: true | undefined;
  no_history?: true | undefined;
}
