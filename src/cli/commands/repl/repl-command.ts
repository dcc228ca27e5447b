/** Declares the command `repl`, its options and examples. Its implementation is loaded when it runs. */
import type { Command } from "@commander-js/extra-typings";
import { examples } from "../../options/help.js";
import {
  chatOptions,
  formOptions,
  messageOptions,
  modelOptions,
  samplingOptions,
  scriptOptions,
} from "../../options/option-groups.js";
import { versionText } from "../../terminal/version.js";

export function addRepl(program: Command, exit: (code: number) => void): void {
  const dialogue = program
    .command("repl")
    .description("Chat with a chat model, or write a text together with any other.")
    .usage("[options]")
    // Only the script of a torchrun line is accepted here.
    .argument("[words...]")
    .optionsGroup("Dialogue:")
    .option("--system <text>", "system prompt (without a chat format: text placed before the first message)")
    .option("--session <file>", "continue the conversation in this file, and save it back")
    .option("--session_cache", "save the KV cache too, so that the next start recomputes nothing")
    .option("--no_history", "do not read or write the input history");
  messageOptions(formOptions(samplingOptions(scriptOptions(modelOptions(chatOptions(dialogue, "auto"))))))
    .version(versionText(), "-V, --version", "print the versions")
    .helpOption("-h, --help", "print help")
    .addHelpText(
      "after",
      examples(
        "docs/repl.md",
        ["Write a story with the bundled demo model", "llama-ts repl"],
        ["Chat", 'llama-ts repl --ckpt_dir llama-2-7b-chat --system "Answer briefly."'],
        [
          "Continue a saved conversation, and save it back",
          "llama-ts repl --ckpt_dir llama-2-7b-chat --session talk.jsonl",
        ],
      ),
    )
    .action(async (words, flags, command) => {
      const { repl } = await import("./repl.js");
      // Options on the command line win over the settings in a conversation file.
      const isGiven = (name: string) => command.getOptionValueSource(name as keyof typeof flags) === "cli";
      exit(await repl({ ...flags, chat: flags.chat ?? "auto" }, words, isGiven));
    });
}
