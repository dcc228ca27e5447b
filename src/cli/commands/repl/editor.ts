/** Lets the user edit a text in $VISUAL or $EDITOR. Does not know what the text is for. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LlamaError } from "../../../error.js";
import { decodeText } from "../../../formats/files/text.js";

/** Returns `text` as edited in $VISUAL or $EDITOR, without trailing newlines. Throws LlamaError (usage) if there is no editor or it fails. */
export async function edit(text: string): Promise<string> {
  const editor = process.env.VISUAL || process.env.EDITOR;
  if (!editor) throw new LlamaError("usage", "no editor", { fix: "Set EDITOR, e.g. export EDITOR=nano" });
  const folder = mkdtempSync(join(tmpdir(), "llama-ts-edit-"));
  const file = join(folder, "message.txt");
  try {
    writeFileSync(file, text, { mode: 0o600 });
    // The variable may hold options, as in "code --wait".
    const child =
      process.platform === "win32"
        ? spawn(`${editor} "${file}"`, { stdio: "inherit", shell: true })
        : spawn("/bin/sh", ["-c", `${editor} "$1"`, "sh", file], { stdio: "inherit" });
    const code = await new Promise((resolve, reject) => child.on("error", reject).on("exit", resolve));
    if (code !== 0) throw new LlamaError("usage", `the editor exited with code ${code}`, { where: editor });
    return decodeText(readFileSync(file), "the edited message").replace(/\n+$/, "");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
