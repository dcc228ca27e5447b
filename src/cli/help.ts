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
  1  failure at run time
  2  command line or prompt wrong
  3  model or tokenizer missing or bad
  4  not enough memory
  130 Ctrl-C, 143 SIGTERM, 129 SIGHUP
`;

export const PROGRAM_HELP = `
A line without a command is a ${style.italic("generate")}: torchrun's lines work as they are.
Options may be spelled with - or _, and with a space or = before the value.

${heading("Examples:")}
  $ llama-ts generate --prompt "Once upon a time"
  $ llama-ts --nproc_per_node 2 --ckpt_dir 13B --prompt "The sky is"
  $ llama-ts help generate
${EXIT_CODES}`;

export const GENERATE_HELP = `
${heading("Streams:")}
  stdout carries the completion (after the prompt with --echo) and one final
  newline. With --json it carries one object: text, ids, prompt_ids,
  finish_reason (stop, length or abort), seed, world_size, dtype, timings.
  Everything else goes to stderr, in colour unless NO_COLOR is set.
  Without --prompt and --prompt_file the prompt is read from piped stdin; one
  newline at its end is dropped, as echo adds it. A file is taken as it is.
  Ctrl-C stops and keeps the text; a second Ctrl-C ends at once.

${heading("Examples:")}
  The bundled demo model:
    $ llama-ts generate --prompt "Once upon a time"
  Meta's files, shared by two ranks, whatever the number of files:
    $ llama-ts generate --nproc_per_node 2 --ckpt_dir 13B --prompt "The sky is"
  From a pipe, repeatable, text only:
    $ echo "The sky is" | llama-ts generate --ckpt_dir 7B --seed 1 --quiet
  torchrun's line as pasted (the script is not run):
    $ echo "The sky is" | llama-ts --nproc_per_node 2 example.py --ckpt_dir 13B
${EXIT_CODES}`;
