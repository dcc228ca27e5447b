/** Prints an answer while it is generated, then, if asked for, a line of figures about it. */
import { plural } from "../../../formats/files/amounts.js";
import { printNote } from "../../terminal/notes.js";
import type { Output } from "../../terminal/output.js";
import { promptText, StatusLine } from "../../terminal/status-line.js";
import { formLines, rate } from "../../terminal/summary.js";
import { WordWrap } from "../../terminal/word-wrap.js";
import type { Answer, Dialogue } from "./dialogue.js";

export interface AnswerOptions {
  /** True on a terminal: control characters are removed from the text, and words are wrapped. */
  isInteractive: boolean;
  /** Whether figures are printed after the answer. */
  hasFigures: boolean;
  quiet: boolean;
}

/** Prints the answer to `text`; an abort ends the answer and keeps the part that was generated. */
export async function printAnswer(
  dialogue: Dialogue,
  text: string,
  output: Output,
  { isInteractive, hasFigures, quiet }: AnswerOptions,
  signal: AbortSignal,
): Promise<void> {
  const isChat = dialogue.conversation.format.name !== "none";
  const status = new StatusLine(isInteractive && !quiet);
  const start = performance.now();
  const wrap = new WordWrap(() => (process.stdout.isTTY && process.env.TERM !== "dumb" ? process.stdout.columns : 0));
  let isEmpty = true;
  let isAtStart = true;
  const write = async (piece: string) => {
    status.clear();
    // Chat models begin an answer with a space; the continuation of a text may begin with any character.
    const shown = isEmpty && isChat ? piece.trimStart() : piece;
    if (shown === "") return;
    isEmpty = false;
    isAtStart = shown.endsWith("\n");
    await output.write(isInteractive ? wrap.push(shown.replace(/[^\P{Cc}\n\t]/gu, "")) : shown);
  };
  const onPrompt = (done: number, total: number) => {
    if (done < total) status.show(promptText(done, total, performance.now() - start));
  };
  try {
    const answer = await dialogue.send(text, write, onPrompt, signal);
    if (!isAtStart || isEmpty) await output.write("\n");
    isAtStart = true;
    if (answer.droppedTurns > 0 && !quiet) printNote(droppedText(answer.droppedTurns));
    if (!quiet) formLines(answer).forEach(printNote);
    if (hasFigures) printNote(figures(answer, dialogue.llama.maxSeqLen));
  } finally {
    status.clear();
    if (!isAtStart) await output.write("\n");
  }
}

/** "12 new + 340 reused tokens · first token 85 ms · 24 tokens at 280 tok/s · context 376 of 512 · stop: length" */
export function figures(answer: Answer, maxSeqLen: number): string {
  const { promptIds, ids, reusedTokens, firstTokenMs, timings, finishReason } = answer;
  const speed = timings.decodeTps === null ? "" : ` at ${rate(timings.decodeTps)}`;
  return [
    `${promptIds.length - reusedTokens} new + ${reusedTokens} reused tokens`,
    `first token ${Math.round(firstTokenMs)} ms`,
    `${ids.length} tokens${speed}`,
    `context ${promptIds.length + ids.length} of ${maxSeqLen}`,
    ...(finishReason === "stop" ? [] : [`stop: ${finishReason}`]),
  ].join(" · ");
}

function droppedText(count: number): string {
  return `The context was full: dropped ${plural(count, "old turn")}.`;
}
