/** The prose of `--help`: examples and rules that no single option tells. Knows nothing of how it is shown. */
import { Chalk } from "chalk";

// commander removes the colour again where it is not wanted.
const style = new Chalk({ level: 1 });

export function heading(text: string): string {
  return style.bold(text);
}

const EXIT_CODES = `
${heading("Exit codes:")}
  0  done
  1  failure at run time, or of a request of batch and score
  2  command line or prompt wrong
  3  model or tokenizer missing or bad
  4  not enough memory
  130 Ctrl-C, 143 SIGTERM, 129 SIGHUP; other signals 128 + their number
`;

export const PROGRAM_HELP = `
A line without a command is a ${style.italic("generate")}, or on a terminal and without a prompt a ${style.italic("repl")}:
torchrun's lines work as they are.
Options may be spelled with - or _, and with a space or = before the value.

${heading("Examples:")}
  $ llama-ts generate --prompt "Once upon a time"
  $ llama-ts --nproc_per_node 2 --ckpt_dir 13B --prompt "The sky is"
  $ llama-ts help generate
${EXIT_CODES}`;

export const REPL_HELP = `
On a terminal a line without a command and a prompt opens it too. A model in a
folder named chat or instruct is talked with in Meta's format, any other goes on
with the text. /help lists the commands: settings, the last answer again, files.
Lines from a pipe are answered one by one, without prompts and colours.
Ctrl-C stops an answer; twice at an empty prompt it leaves, with 130. Ctrl-D and
/bye leave with 0. What was entered is kept in $XDG_STATE_HOME/llama-ts/history
(or below ~/.local/state), unless --no_history is given.

${heading("Examples:")}
  Write a story with the bundled demo model:
    $ llama-ts repl
  Talk:
    $ llama-ts repl --ckpt_dir llama-2-7b-chat --system "Answer briefly."
${EXIT_CODES}`;

export const GENERATE_HELP = `
${heading("Streams:")}
  stdout carries the completion (after the prompt with --echo) and one final
  newline. With --json it carries one object: text, ids, prompt_ids,
  finish_reason (stop, length or abort), seed, world_size, dtype, timings.
  With --stream_json it carries a line for each token (event, id, text, logprob,
  top) and a last one with event "summary" and the fields of --json.
  Everything else goes to stderr, in colour unless NO_COLOR is set.
  What is piped in comes before the prompt, or in the place of {{input}} in it;
  without --prompt and --prompt_file it is the prompt, without one newline at its
  end, as echo adds it. A loop that reads its own stdin (while read) needs
  --no_stdin or < /dev/null. A file is taken as it is.
  Ctrl-C stops and keeps the text; a second Ctrl-C ends at once.

${heading("Examples:")}
  The bundled demo model:
    $ llama-ts generate --prompt "Once upon a time"
  Meta's files, shared by two ranks, whatever the number of files:
    $ llama-ts generate --nproc_per_node 2 --ckpt_dir 13B --prompt "The sky is"
  From a pipe, repeatable, text only:
    $ echo "The sky is" | llama-ts generate --ckpt_dir 7B --seed 1 --quiet
  A file, then what to do with it; the answer into another file:
    $ llama-ts generate --prompt "Summary:" -o summary.txt < article.txt
  torchrun's line as pasted (the script is not run):
    $ echo "The sky is" | llama-ts --nproc_per_node 2 example.py --ckpt_dir 13B
${EXIT_CODES}`;

export const BATCH_HELP = `
${heading("Requests:")}
  One JSON object a line, with prompt (text), prompt_ids (token ids) or messages
  (a dialog: a list of objects with role and content) and, where wanted, id (a
  string or a number, each once), metadata (repeated in the answer), and options
  of its own, by their names on the command line: those of sampling, logprobs,
  echo. The command line's are for all requests that do not say otherwise.
  Blank lines are left out; lines end with \\n or \\r\\n. A line that is wrong, not
  UTF-8, or longer than 16 MiB is answered with an error.
${heading("Answers:")}
  One JSON object a line, in the order in which they are done: id, line (of the
  input), text, ids, prompt_tokens, finish_reason, seed; or id, line and error
  with kind and message. They are appended whole and synced to the disk.
  --resume skips what has an answer, by id, or by line where there is no id; what
  failed is tried again. Whatever ended the run, only what ran then is lost.
  The seed of a request is --seed plus its line number - 1, so a request gets the
  same text in whatever run, order and shard.
${heading("Examples:")}
    $ llama-ts batch prompts.jsonl -o answers.jsonl --ckpt_dir 7B --max_gen_len 64
    $ jq -c '{id: .n, prompt: .question}' q.jsonl | llama-ts batch | jq -r .text
  A part of the input a machine, then one file:
    $ llama-ts batch in.jsonl --shard 2/4 -o out-2.jsonl
    $ srun llama-ts batch in.jsonl --shard auto -o out-$SLURM_ARRAY_TASK_ID.jsonl
${EXIT_CODES}`;

export const INSPECT_HELP = `
Only headers are read, so that it is quick at any size. Memory is reckoned for
every type of weights at 1, 2, 4 and 8 ranks: weights, the keys and values of a
context of --max_seq_len tokens, and working memory. generate reckons the same
and refuses what needs more than is available (exit code 4), unless forced.

${heading("Examples:")}
  $ llama-ts inspect 13B
  $ llama-ts inspect 13B --json | jq '.needs[] | select(.fits)'
${EXIT_CODES}`;

export const SCORE_HELP = `
${heading("Lines:")}
  In: context and continuation (texts), or context_ids and continuation_ids, and
  id and metadata as in batch. Out: id, line, logprob (sum over the continuation),
  is_greedy (whether greedy decoding would write it), context_tokens, tokens (id,
  text, logprob, is_greedy). Both texts are encoded as one, after a beginning-of-
  sentence token; spaces between them belong to the continuation, as in
  lm-evaluation-harness. --output, --resume and --shard are as in batch.
${heading("Perplexity:")}
  Windows begin every --stride tokens, each with a beginning-of-sentence token;
  a token is scored once, in the first window that has it. Out: one object with
  perplexity, nats_per_token, bits_per_byte, tokens, bytes, window, stride.
${heading("Examples:")}
    $ llama-ts score pairs.jsonl -o scores.jsonl --ckpt_dir 7B
    $ llama-ts score --perplexity wiki.test.raw --ckpt_dir 7B --stride 512
${EXIT_CODES}`;

export const CONFIG_HELP = `
${heading("Where values come from:")}
  The command line, else the environment, else the file, else the default.
  Environment: LLAMA_TS_ and the option in capitals, as LLAMA_TS_CKPT_DIR=7B; a
  switch takes true or false.
  File: $LLAMA_TS_CONFIG, else $XDG_CONFIG_HOME/llama-ts/config, else
  ~/.config/llama-ts/config:
    # for all commands
    ckpt_dir = ~/models/7B
    [batch]
    concurrency = 32
${heading("Examples:")}
    $ llama-ts config
    $ LLAMA_TS_DTYPE=int4 llama-ts config batch --json
`;

export const COMPLETION_HELP = `
${heading("Examples:")}
    $ echo 'eval "$(llama-ts completion bash)"' >> ~/.bashrc
    $ llama-ts completion zsh > ~/.zfunc/_llama-ts
    $ llama-ts completion fish > ~/.config/fish/completions/llama-ts.fish
`;

export const CACHE_HELP = `
With --dtype int8 or int4 the weights are quantised once and kept in
$XDG_CACHE_HOME/llama-ts (or ~/.cache/llama-ts), so that the next start with the
same checkpoint, type and number of ranks begins at once. A checkpoint that has
changed, another CPU and another version of the runtime are noticed.
generate --no_cache neither reads nor writes it.
`;

export const BENCH_HELP = `
${heading("Tests:")}
  pp512     512 prompt tokens at once, from position 0
  tg64@128  64 tokens one by one, behind a context of 128
  The tokens are made up; each trial writes the same positions again. Medians
  are printed with the slowest and the fastest trial.
  A decoded token reads all weights and the keys and values of its context. The
  rate of that is compared with what as many threads read that do nothing else.
  A model that fits in the processor's caches is not bound by memory.
  With --preset, --dtype int8 and int4 keep their random weights in the cache
  too: see --no_cache and llama-ts cache clear.
  Ctrl-C prints what is done.

${heading("Examples:")}
  The bundled demo model:
    $ llama-ts bench
  A checkpoint, every way to share two cores, at two depths:
    $ llama-ts bench --ckpt_dir 7B --dtype int8,int4 --nproc_per_node 1,2 --depth 0,1500
  8 layers of the 7B shape, without its files:
    $ llama-ts bench --preset 7B --layers 8 --dtype int4 --csv > 7B.csv
${EXIT_CODES}`;
