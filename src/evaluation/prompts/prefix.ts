/** Writes few-shot examples as the text before a document. */
import type { Doc, Task } from "../tasks/task.js";

/** Description and examples, each with its answer and the delimiter after it. */
export function prefixText(task: Task, examples: readonly Doc[]): string {
  return task.description + examples.map((example) => exampleText(task, example)).join("");
}

function exampleText(task: Task, example: Doc): string {
  const text = task.exampleText(example);
  const answer = task.exampleAnswer(example);
  return answer === null ? text : text + task.targetDelimiter + answer + task.fewshotDelimiter;
}
