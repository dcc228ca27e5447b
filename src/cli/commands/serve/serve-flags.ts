/** The options of `serve`, by their names on the command line. */
import type { ChatFlags, MessageFlags, ModelFlags, SamplingFlags } from "../../options/flags.js";
import type { QueueFlags } from "../../queue/queue-flags.js";

export interface ServeFlags
  extends ModelFlags,
    Omit<SamplingFlags, "max_gen_len">,
    MessageFlags,
    ChatFlags,
    QueueFlags {
  host: string;
  port: number;
  model_alias?: readonly string[] | undefined;
  system?: string | undefined;
  max_gen_len?: number | undefined;
  api_key_file?: string | undefined;
  no_auth?: true | undefined;
  tls_cert?: string | undefined;
  tls_key?: string | undefined;
  allowed_host?: readonly string[] | undefined;
  cors_origin?: readonly string[] | undefined;
  trust_proxy?: true | undefined;
  log_prompts?: string | undefined;
  max_restarts: number;
  concurrency: number;
  kv_memory?: number | undefined;
  max_queue: number;
  max_body: number;
  max_choices: number;
  step_ms: number;
  request_timeout: number;
  queue_timeout: number;
  drain_timeout: number;
  sse_ping: number;
  strict_fields?: true | undefined;
  hidden_bos?: true | undefined;
  metrics_public?: true | undefined;
  no_web?: true | undefined;
  web_dir?: string | undefined;
  log_format: "text" | "json" | "none";
}
