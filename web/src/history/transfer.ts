/** Export and import: files of conversations as JSON, one as Markdown. Does not know how they are checked or kept. */
import { titleOf } from "../state/conversation.js";
import { shownPath } from "../state/tree.js";
import type { Conversation } from "../state/types.js";
import { type ExportFile, FORMAT, ImportError, readExport, VERSION } from "./check-import.js";
import { save } from "./database.js";

const MOST_BYTES = 256 << 20;

export function exportJson(conversations: readonly Conversation[]): void {
  const file: ExportFile = {
    ...{ format: FORMAT, version: VERSION, exportedAt: new Date().toISOString() },
    conversations: [...conversations],
  };
  const [first] = conversations;
  const name = conversations.length === 1 ? fileName(first!) : `llama-ts ${new Date().toISOString().slice(0, 10)}`;
  download(`${name}.json`, `${JSON.stringify(file, null, 1)}\n`, "application/json");
}

export function exportMarkdown(conversation: Conversation): void {
  download(`${fileName(conversation)}.md`, markdownOf(conversation), "text/markdown");
}

/** The shown path of a chat, or the text, under its title. Texts are as they are: they are Markdown already. */
export function markdownOf(conversation: Conversation): string {
  const { mode, document, system, model } = conversation;
  const title = `# ${titleOf(conversation)}`;
  if (mode === "complete") return `${title}\n\n${document.text}\n`;
  const parts = shownPath(conversation).map(({ role, text }) => `## ${role === "user" ? "User" : "Model"}\n\n${text}`);
  const head = [title, ...(model ? [`Model: ${model}`] : []), ...(system ? [`## System\n\n${system}`] : [])];
  return `${[...head, ...parts].join("\n\n")}\n`;
}

/** Adds the conversations of a file to the history; returns them. Throws ImportError. */
export async function importFile(file: File): Promise<Conversation[]> {
  if (file.size > MOST_BYTES) throw new ImportError("The file has more than 256 MB. Nothing was imported.");
  const conversations = readExport(await file.text());
  await save(conversations);
  return conversations;
}

function fileName(conversation: Conversation): string {
  const name = titleOf(conversation)
    .replace(/[^\p{L}\p{N} _-]+/gu, " ")
    .trim();
  return name.slice(0, 60) || "conversation";
}

function download(name: string, text: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
