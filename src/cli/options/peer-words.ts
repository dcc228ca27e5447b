/** The commands and options of other programs, and which of this program do the same. Does not know the command line. */

/** Options of llama.cpp, Hugging Face, vLLM, OpenAI, ollama and lm-evaluation-harness, in underscores, with options of the same meaning here; a command has at most one of them. */
const SAME_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  "-p": ["prompt", "pp"],
  "-n": ["max_gen_len", "tg"],
  "-c": ["max_seq_len"],
  "-d": ["depth"],
  "-f": ["prompt_file"],
  "-m": ["ckpt_dir"],
  "-s": ["seed"],
  "-sys": ["system"],
  "--temp": ["temperature"],
  "--file": ["prompt_file"],
  "--n_predict": ["max_gen_len"],
  "--predict": ["max_gen_len"],
  "--num_predict": ["max_gen_len"],
  "--max_tokens": ["max_gen_len"],
  "--max_new_tokens": ["max_gen_len"],
  "--max_completion_tokens": ["max_gen_len"],
  "--ctx_size": ["max_seq_len"],
  "--n_ctx": ["max_seq_len"],
  "--num_ctx": ["max_seq_len"],
  "--max_model_len": ["max_seq_len"],
  "--model": ["ckpt_dir"],
  "--model_path": ["ckpt_dir"],
  "--model_dir": ["ckpt_dir"],
  "--checkpoint_dir": ["ckpt_dir"],
  "--model_name_or_path": ["ckpt_dir"],
  "--tokenizer": ["tokenizer_path"],
  "--tokenizer_model": ["tokenizer_path"],
  "--n_threads": ["threads"],
  "--num_threads": ["threads"],
  "--system_prompt": ["system"],
  "--model_parallel_size": ["nproc_per_node"],
  "--tensor_parallel_size": ["nproc_per_node"],
  "--grammar_file": ["grammar"],
  "--json_schema_file": ["json_schema"],
  "--guided_regex": ["regex"],
  "--n_prompt": ["pp"],
  "--n_gen": ["tg"],
  "--n_depth": ["depth"],
  "--repetitions": ["trials"],
  "--output_path": ["output"],
};

const CPU_ONLY = "llama-ts runs on the CPU only: leave it out";
const DTYPE = "The type of the weights is --dtype fp32, int8 or int4";
const LENGTHS = "--max_gen_len limits the new tokens, --max_seq_len prompt and text together";
const CONCURRENCY = "batch and score have --concurrency N; one prompt needs none";
const DIALOGUE = "llama-ts repl starts a conversation";
const SERVER = "llama-ts serve answers HTTP requests in the form of OpenAI's API";

/** Options whose meaning here differs, or that have no counterpart, with what to use instead. */
const OTHER_OPTIONS: Readonly<Record<string, string>> = {
  "-i": DIALOGUE,
  "-cnv": DIALOGUE,
  "--conversation": DIALOGUE,
  "--interactive": DIALOGUE,
  "--format": "--json_object answers in JSON, --json_schema FILE in JSON of a schema",
  "--max_length": LENGTHS,
  "--min_length": LENGTHS,
  "--repeat_penalty": "--repetition_penalty counts the whole prompt and text, not the last 64 tokens",
  "--repeat_last_n": "--repetition_penalty counts the whole prompt and text",
  "--reverse_prompt": "--stop TEXT ends the text",
  "--torch_dtype": DTYPE,
  "--precision": DTYPE,
  "--quantize": DTYPE,
  "--quantization": DTYPE,
  "--load_in_8bit": DTYPE,
  "--load_in_4bit": DTYPE,
  "-ngl": CPU_ONLY,
  "--gpu_layers": CPU_ONLY,
  "--n_gpu_layers": CPU_ONLY,
  "--device": CPU_ONLY,
  "-np": CONCURRENCY,
  "--parallel": CONCURRENCY,
  "-b": CONCURRENCY,
  "--batch_size": CONCURRENCY,
  "--host": SERVER,
  "--port": SERVER,
  "-hf": "Give a folder as --ckpt_dir DIR",
  "--hf_repo": "Give a folder as --ckpt_dir DIR",
  "--model_args": "Give the model as --ckpt_dir DIR, --dtype TYPE and --max_seq_len N",
  "--use_cache": "llama-ts eval keeps its answers in --output DIR, and --resume continues from them",
  "--include_path": "A task of yours is a file: --tasks FILE.json",
  "--apply_chat_template": "llama-ts eval asks as lm-evaluation-harness does by default: without a chat format",
  "-q": "Fewer messages: --quiet",
  "-v": "More messages: --verbose; the version: --version",
};

const CHAT = "llama-ts repl starts a conversation with a model, llama-ts generate continues one prompt";
const RUN =
  "llama-ts generate --ckpt_dir DIR --prompt TEXT answers once, llama-ts repl --ckpt_dir DIR starts a conversation";
const LIST = "A model is a folder: llama-ts inspect DIR describes it, llama-ts cache list lists cached weights";
const DOWNLOAD = "llama-ts downloads nothing: give the folder of a model as --ckpt_dir DIR";

const EVALUATE = "llama-ts eval --tasks NAMES --data DIR measures a model by benchmarks";

const COMMANDS: Readonly<Record<string, string>> = {
  ...{ chat: CHAT, cli: CHAT, interactive: CHAT, converse: CHAT },
  ...{ run: RUN, complete: RUN, prompt: RUN, infer: RUN, "llama-cli": RUN },
  ...{ list: LIST, ls: LIST, lst: LIST, ps: LIST, models: LIST, show: LIST, info: LIST },
  ...{ pull: DOWNLOAD, download: DOWNLOAD, push: DOWNLOAD, rm: DOWNLOAD },
  ...{ server: SERVER, start: SERVER },
  perplexity: "llama-ts score --perplexity FILE computes it",
  benchmark: "llama-ts bench measures the speed",
  ...{ lm_eval: EVALUATE, "lm-eval": EVALUATE, evaluate: EVALUATE, evaluation: EVALUATE },
  train: "llama-ts runs models, and trains none",
  convert: "llama-ts reads Meta's and Hugging Face's files without a conversion",
  quantize: "llama-ts quantises while it loads: --dtype int8 or int4",
  version: "llama-ts --version prints it",
};

/** The option of a command that means the same as another program's. */
export function sameOption(name: string, has: (own: string) => boolean): string | undefined {
  return (Object.hasOwn(SAME_OPTIONS, name) ? SAME_OPTIONS[name] : undefined)?.find(has);
}

/** What to use instead of an option that is not one of the command; undefined if it is not a known word. */
export function optionAdvice(name: string): string | undefined {
  if (Object.hasOwn(OTHER_OPTIONS, name)) return OTHER_OPTIONS[name];
  const own = Object.hasOwn(SAME_OPTIONS, name) ? SAME_OPTIONS[name]![0] : undefined;
  return own === undefined ? undefined : `It is --${own} of other commands, which this one does not have`;
}

/** What to use instead of a word that is not a command. */
export function commandAdvice(word: string): string | undefined {
  const name = word.toLowerCase();
  return Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
}
