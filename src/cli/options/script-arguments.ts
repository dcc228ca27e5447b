/** Gives the words after one of Meta's scripts the names of the script's parameters, as fire does. Does not know their values' meaning. */
import { basename } from "node:path";
import { LlamaError } from "../../error.js";

const FIRST = ["ckpt_dir", "tokenizer_path", "temperature", "top_p", "max_seq_len"];
/** The parameters of main() in order, by the name of the script: LLaMA's example.py, Llama 2's and Llama 3's others. */
const PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  example: [...FIRST, "max_batch_size"],
  example_text_completion: [...FIRST, "max_gen_len", "max_batch_size"],
  example_chat_completion: [...FIRST, "max_batch_size", "max_gen_len"],
};

/**
 * Returns the arguments after a script as options, `--ckpt_dir=DIR`. Like fire, it gives words to the parameters that the line
 * does not name, in order. Throws LlamaError (usage) for a script that is not Meta's, and for too many words.
 */
export function scriptOptions(script: string, words: readonly string[], isNamed: (name: string) => boolean): string[] {
  if (words.length === 0) return [];
  // A module is named llama.example.
  const name = basename(script).replace(/\.py$/, "").split(".").at(-1)!;
  const parameters = Object.hasOwn(PARAMETERS, name) ? PARAMETERS[name]! : [];
  const open = parameters.filter((parameter) => !isNamed(parameter));
  if (parameters.length === 0) {
    const fix = "Give its arguments by name, such as --ckpt_dir DIR --tokenizer_path FILE";
    throw new LlamaError("usage", `${script} is not one of Meta's scripts`, { where: words[0]!, fix });
  }
  if (words.length > open.length) {
    throw new LlamaError("usage", `unexpected argument '${words[open.length]}'`, {
      expected: `at most ${open.length} words after ${script}: ${open.join(", ")}`,
    });
  }
  return words.map((word, i) => {
    if (open[i] === "tokenizer_path" && Number.isFinite(Number(word))) {
      throw new LlamaError("usage", "is a number", {
        where: `${word} after ${script}`,
        expected: "the tokenizer's file",
      });
    }
    return `--${open[i]}=${word}`;
  });
}
