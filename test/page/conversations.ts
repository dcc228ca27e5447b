/** Files of conversations as the page exports them, for tests of the import. */
import type { Page } from "playwright-core";

interface Fields {
  title?: string;
  system?: string;
  mode?: "chat" | "complete";
  text?: string;
  /** User and model in turn. */
  texts?: readonly string[];
  /** Tokens of each answer, by their texts. */
  tokens?: readonly string[];
  more?: Record<string, unknown>;
}

/** A conversation in the form of the export. */
export function conversation({ title = "", system = "", mode = "chat", text = "", texts = [], tokens, more }: Fields) {
  const turns = texts.map((one, i) => ({
    ...{ id: `t${i}`, parent: i === 0 ? null : `t${i - 1}`, role: i % 2 === 0 ? "user" : "assistant", text: one },
    tokens:
      i % 2 === 1 && tokens
        ? tokens.map((name, id) => ({ id, text: name, logprob: -1, top: [{ id, text: name, logprob: -1 }] }))
        : null,
    ...{ endId: null, finish: i % 2 === 1 ? "stop" : null, stats: null },
  }));
  const runs = text === "" ? [] : [{ start: 1, end: text.length }];
  return {
    ...{ id: "c", mode, title, createdAt: 1, updatedAt: 2, model: "demo", system, settings: {}, turns, chosen: {} },
    ...{ leftOut: 0, document: { text, runs }, ...more },
  };
}

/** The content of a file with these conversations. */
export function exported(conversations: readonly unknown[], more: Record<string, unknown> = {}): string {
  return JSON.stringify({ format: "llama-ts conversations", version: 1, exportedAt: "", conversations, ...more });
}

/** Imports a file, and waits until the page says this about it. */
export async function importFile(page: Page, content: string, says: string | RegExp): Promise<void> {
  const file = { name: "a.json", mimeType: "application/json", buffer: Buffer.from(content) };
  await page.locator("input[type=file]").setInputFiles(file);
  await page.locator(".notice").filter({ hasText: says }).waitFor();
}
