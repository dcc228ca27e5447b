/** A dialogue's file: what is written of it, and what of a file is taken over. Knows settings by name; the library knows the file. */
import type { CacheRestore } from "../../../index.js";
import type { Dialogue } from "./dialogue.js";
import { restoreSettings, type Settings, savedSettings } from "./settings.js";

/** Writes the dialogue; a line that tells what was written. */
export async function saveDialogue({ llama, conversation, settings }: Dialogue, file: string, cache: boolean) {
  conversation.system = settings.system;
  await llama.saveConversation(conversation, file, { cache, settings: savedSettings(settings) });
  return `Saved ${turns(conversation.turns.length)}${cache ? " with keys and values" : ""} to ${file}.`;
}

/** Puts the dialogue of a file in the place of this one; a line that tells what was taken over. */
export async function loadDialogue(dialogue: Dialogue, file: string): Promise<string> {
  const { conversation, settings, cache } = await dialogue.llama.loadConversation(file);
  try {
    dialogue.settings = restoreSettings(dialogue.settings, settings, conversation.system, file);
  } catch (error) {
    conversation.close();
    throw error;
  }
  dialogue.replace(conversation);
  return `Loaded ${turns(conversation.turns.length)} from ${file}${cacheText(cache)}.`;
}

/** Begins with the file's dialogue; what stands on the command line goes before its settings. */
export async function openDialogueFile(dialogue: Dialogue, file: string, given: Partial<Settings>): Promise<string> {
  const line = await loadDialogue(dialogue, file);
  Object.assign(dialogue.settings, given);
  return line;
}

function turns(count: number): string {
  return `${count} ${count === 1 ? "turn" : "turns"}`;
}

function cacheText(cache: CacheRestore): string {
  if (cache === "absent") return "";
  return cache === "restored"
    ? " with keys and values"
    : `; its keys and values are ${cache}, and will be computed again`;
}
