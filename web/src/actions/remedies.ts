/** What helps after a problem: the same request again, or a conversation that fits. */
import { saveSoon } from "../history/database.js";
import { problemOf } from "../state/problems.js";
import { change, conversation, isBusy, model, path, problem } from "../state/store.js";
import { answer, continueAnswer } from "./chat-actions.js";
import { continueEnd, continueText } from "./complete-actions.js";
import { applyTemplate, messagesOf } from "./requests.js";

/** Part of the context that the prompt may fill, so that there is room for an answer. */
const FILLED = 0.75;

/** Sends what failed again. */
export async function retryLast(): Promise<void> {
  if (isBusy.value) return;
  if (conversation.value.mode === "complete") return continueText();
  const last = path.value.at(-1);
  if (!last) problem.value = null;
  else if (last.role === "user") await answer(last.id);
  else await continueAnswer(last);
}

/** Leaves as few of the oldest turns out as needed, in pairs, and answers. They stay in the history. */
export async function leaveOutOldest(): Promise<void> {
  const context = model.value?.context;
  if (isBusy.value || context === undefined) return;
  if (conversation.value.mode === "complete") return continueEnd();
  const turns = path.value;
  const last = turns.findLastIndex(({ role }) => role === "user");
  try {
    for (let leftOut = conversation.value.leftOut + 2; leftOut <= last; leftOut += 2) {
      const { tokens } = await applyTemplate(
        messagesOf({ ...conversation.value, leftOut }, turns.slice(0, last + 1)),
        false,
      );
      if (tokens.length > context * FILLED && leftOut + 2 <= last) continue;
      change({ leftOut });
      saveSoon(conversation.value);
      await retryLast();
      return;
    }
    problem.value = {
      text: "The last message alone does not fit into the model's context. Make it shorter.",
      remedy: "none",
    };
  } catch (error) {
    problem.value = problemOf(error);
  }
}
