/** Declares the command `serve`, its options and examples. Its implementation, and HTTP, are loaded when it runs. */
import { type Command, Option } from "@commander-js/extra-typings";
import type { Command as PlainCommand } from "commander";
import { byteSize, CHAT_WORDS, decimal, wholeNumber } from "../../options/flags.js";
import { examples } from "../../options/help.js";
import { chatOptions, messageOptions, modelOptions, samplingOptions } from "../../options/option-groups.js";
import { queueOptions } from "../../queue/queue-flags.js";
import type { ServeFlags } from "./serve-flags.js";

const several = (text: string, before: readonly string[] = []) => [...before, text];

export function addServe(program: Command, exit: (code: number) => void): void {
  const serve = program
    .command("serve")
    .description("Serve the model by HTTP, with OpenAI's API and ollama's.")
    .usage("[options]");
  serverOptions(serve as unknown as PlainCommand);
  queueOptions(serve, "serve without a model; workers at this NATS server answer");
  (serve as unknown as PlainCommand).option(
    "--queue_timeout <s>",
    "time for a worker to take a request, else 429; 0: any",
    decimal(0, 1e6),
    30,
  );
  (serve as unknown as PlainCommand).optionsGroup("Chat:");
  messageOptions(samplingOptions(modelOptions(chatOptions(serve, "auto"))));
  // Requests say how long their texts may be: here the option is a limit, and has no default.
  const limit = (serve.options as unknown as Option[]).find(({ long }) => long === "--max_gen_len")!;
  limit.default(undefined).description = "limit of new tokens of an answer (default: the room in the context)";
  (serve as unknown as PlainCommand).setOptionValue("max_gen_len", undefined);
  // Of a model that only continues text, clients of chats would get nothing but errors.
  const chat = (serve.options as unknown as Option[]).find(({ long }) => long === "--chat")!;
  chat.choices([...CHAT_WORDS, "text"]).argParser((value) => value);
  chat.description += "; text: as lines";
  const restarts = (serve.options as unknown as Option[]).find(({ long }) => long === "--max_restarts")!;
  restarts.hideHelp(false).default(3).description = "restarts in 10 minutes of a model that fails";
  (serve as unknown as PlainCommand).setOptionValueWithSource("max_restarts", 3, "default");
  serve
    .helpOption("-h, --help", "print help")
    .addHelpText(
      "after",
      examples(
        "docs/serve.md",
        ["Serve the bundled demo model", "llama-ts serve"],
        ["Ask it", `curl localhost:8080/v1/completions --json '{"prompt": "Once"}'`],
        ["Serve to a network, with a key", "LLAMA_TS_API_KEY=secret llama-ts serve --host 0.0.0.0"],
      ),
    )
    .action(async (flags) => {
      const { serve } = await import("./serve.js");
      exit(await serve(flags as unknown as ServeFlags));
    });
}

function serverOptions(command: PlainCommand): void {
  const seconds = (flags: string, help: string, fallback: number) => {
    command.option(flags, help, decimal(0, 1e6), fallback);
  };
  command
    .optionsGroup("Server:")
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--port <n>", "port to listen on; 0: a free one", wholeNumber(0, 65535), 8080)
    .option("--model_alias <name>", "another name of the model, * for any; repeatable", several)
    .option("--system <text>", "system text of dialogs that have none")
    .option("--api_key_file <file>", "API keys, one a line (or LLAMA_TS_API_KEY)")
    .option("--no_auth", "listen to other machines without a key")
    .option("--tls_cert <file>", "certificate (PEM): serve by HTTPS; with --tls_key")
    .option("--tls_key <file>", "private key of --tls_cert (PEM)")
    .option("--allowed_host <name>", "a further name of this server; repeatable", several)
    .option("--cors_origin <origin>", "a page that may ask, * for any; repeatable", several)
    .option("--trust_proxy", "the proxy before this server names its client in X-Forwarded-For")
    .option("--strict_fields", "refuse unknown fields, which are else ignored")
    .option("--hidden_bos", "put a beginning-of-sentence token before ids without one")
    .option("--metrics_public", "answer /metrics without a key")
    .option("--log_prompts <file>", "add requests and answers with their texts to a private file")
    .option("--no_web", "serve no web page at /")
    .option("--web_dir <folder>", "serve the page in this folder, read at each visit")
    .addOption(
      new Option("--log_format <form>", "a line a request on stderr").choices(["text", "json", "none"]).default("text"),
    )
    .optionsGroup("Limits:")
    .option("--concurrency <n>", "choices that run at once", wholeNumber(1, 256), 16)
    .option("--kv_memory <size>", "size of the KV caches, such as 4G (default: half of the available memory)", byteSize)
    .option("--max_queue <n>", "choices that wait", wholeNumber(1, 1e6), 512)
    .option("--max_body <size>", "size of a request", byteSize, 8 << 20)
    .option("--max_choices <n>", "choices of a request, prompts x best_of", wholeNumber(1, 4096), 64)
    .option("--step_ms <n>", "time of a step with prompt tokens while texts are written", wholeNumber(1, 1e6), 1000);
  seconds("--request_timeout <s>", "time of an answer; 0: any", 0);
  seconds("--drain_timeout <s>", "time for running answers at the end", 25);
  seconds("--sse_ping <s>", "silence of a stream before a comment; 0: none", 10);
}
