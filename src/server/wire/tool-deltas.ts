/** The pieces of a chat's stream where an answer may have calls: text, the beginnings of calls, parts of their arguments. Does not know how answers are made. */
import type { AnswerPart, CallReader, ToolCall } from "../../index.js";
import type { ChoiceResult } from "../serving/run-choices.js";

/** What a piece of an answer adds to a message, in OpenAI's form. */
export type ChatDelta = { content: string } | { tool_calls: object[] };

/** The deltas of a piece. */
export function deltasOf(reader: CallReader | null, text: string): ChatDelta[] {
  if (reader === null) return text === "" ? [] : [{ content: text }];
  return merged(text === "" ? [] : reader.push(text));
}

/** The deltas of the last piece and of what was held back. */
export function lastDeltas(reader: CallReader | null, text: string): ChatDelta[] {
  if (reader === null) return deltasOf(null, text);
  return merged([...reader.push(text), ...reader.end()]);
}

function merged(parts: readonly AnswerPart[]): ChatDelta[] {
  return parts.map((part) => {
    if (part.kind === "text") return { content: part.text };
    const { call: index } = part;
    if (part.kind === "arguments") return { tool_calls: [{ index, function: { arguments: part.text } }] };
    const { id, name } = part;
    return { tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] };
  });
}

/** A whole answer: the text beside the calls, and the calls. */
export function readAnswer(reader: CallReader | null, text: string): { content: string; calls: readonly ToolCall[] } {
  if (reader === null) return { content: text, calls: [] };
  reader.push(text);
  reader.end();
  return { content: reader.content, calls: reader.calls };
}

/** Why an answer ended, which is its calls if it has any and they are whole. */
export function endOf({ finishReason }: ChoiceResult["completion"], reader: CallReader | null): string {
  return finishReason === "stop" && reader?.isWhole ? "tool_calls" : finishReason;
}
