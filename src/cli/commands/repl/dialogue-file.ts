/** Saves a dialogue to a file and restores one from it. Does not know the file's format. */
import { plural } from "../../../formats/files/amounts.js";
import type { CacheRestore } from "../../../index.js";
import type { Dialogue } from "./dialogue.js";
import { restoreSettings, type Settings, savedSettings } from "./settings.js";

/** Writes the dialogue and returns a line that says what was written. `cache`: also write the KV cache. */
export async function saveDialogue({ llama, conversation, settings }: Dialogue, file: string, cache: boolean) {
  conversation.system = settings.system;
  await llama.saveConversation(conversation, file, { cache, settings: savedSettings(settings) });
  return `Saved ${plural(conversation.turns.length, "turn")}${cache ? " with the KV cache" : ""} to ${file}.`;
}

/** Replaces the conversation and settings by those of a file and returns a line that says what was loaded. */
export async function loadDialogue(dialogue: Dialogue, file: string): Promise<string> {
  const { conversation, settings, cache } = await dialogue.llama.loadConversation(file, { chat: dialogue.chat });
  try {
    dialogue.settings = restoreSettings(dialogue.settings, settings, conversation.system, file);
  } catch (error) {
    conversation.close();
    throw error;
  }
  dialogue.replace(conversation);
  return `Loaded ${plural(conversation.turns.length, "turn")} from ${file}${cacheText(cache)}.`;
}

/** Loads a file at the start; settings given on the command line override those of the file. */
export async function openDialogueFile(dialogue: Dialogue, file: string, given: Partial<Settings>): Promise<string> {
  const line = await loadDialogue(dialogue, file);
  Object.assign(dialogue.settings, given);
  return line;
}

function cacheText(cache: CacheRestore): string {
  if (cache === "absent") return "";
  return cache === "restored" ? " with the KV cache" : `; its KV cache is ${cache} and will be computed again`;
}
