/** The format of a chat template: the ids that transformers' apply_chat_template() gives, but names of special tokens within messages are text. */
import { LlamaError } from "../../error.js";
import { encodeAfter, type Tokenizer } from "../../tokenizer/tokenizer.js";
import type { ChatTemplate } from "../template/chat-template.js";
import { type TemplateTools, templateTools } from "../tools/call-form.js";
import type { Tool } from "../tools/tool.js";
import { type ChatFormat, NO_STOPS, type Turn } from "./chat-format.js";
import { checkRoles, type Dialog } from "./dialog.js";
import type { DialogEnding } from "./dialog-ending.js";
import { freeMarks, type Marks, ShieldedText } from "./shielded-text.js";
import { TemplateDialog } from "./template-dialog.js";

/** A rendered dialog and its ids. */
interface Rendered {
  text: string;
  marks: Marks;
  ids: readonly number[];
}

/**
 * Makes a format for one conversation, whose prompts it remembers, and for any number of dialogs. `withTools`: the template of
 * dialogs with tools, where the model has one of its own for them.
 */
export function templateFormat(
  tokenizer: Tokenizer,
  template: ChatTemplate,
  withTools: ChatTemplate | null = null,
): ChatFormat {
  const shield = new ShieldedText(tokenizer, template.source);
  /** The prompts of a conversation, by the number of turns before them. */
  const prompts: Rendered[] = [];
  let stopIds: ReadonlySet<number> | null = null;
  let known: TemplateTools | null = null;

  const render = (dialog: Dialog): { text: string; marks: Marks } => {
    const [marks] = freeMarks([template.source, ...dialog.map(({ content }) => content)]);
    const messages = dialog.map(({ role, content }) => ({
      role,
      content: shield.mark(content, marks, role === "assistant"),
    }));
    return { text: template.render(messages, true), marks };
  };

  const encodeDialog = (dialog: Dialog, ending: DialogEnding = "answer", tools?: readonly Tool[]): number[] => {
    // A template that does not know the role would at best write it as it is.
    checkRoles(dialog, template.source.includes("developer") ? ["developer"] : []);
    const last = dialog.at(-1)!;
    if (last.role === "assistant" && ending === "answer") {
      throw new LlamaError("usage", "the last message is an answer", {
        expected: "a message to answer",
        found: "the role assistant",
      });
    }
    if (withTools === null) return new TemplateDialog(template, shield, dialog, ending, tools ?? null).encode();
    if (tools) {
      const own = new ShieldedText(tokenizer, withTools.source);
      return new TemplateDialog(withTools, own, dialog, ending, tools).encode();
    }
    const call = dialog.findIndex(({ tool_calls: calls }) => calls !== undefined);
    if (call < 0) return new TemplateDialog(template, shield, dialog, ending).encode();
    throw new LlamaError("usage", "the template of this model writes calls in dialogs with tools only", {
      where: `messages[${call}].tool_calls`,
      fix: "Send the tools too",
    });
  };

  /** The ids of a conversation's prompt; answers keep their ids where the template writes them as they are. */
  const encodePrompt = (turns: readonly Turn[], text: string, marks: Marks): number[] => {
    for (let i = turns.length - 1; i >= 0; i--) {
      const [before, turn] = [prompts[i], turns[i]!];
      if (!before || String(before.marks) !== String(marks)) continue;
      const start = before.text + shield.mark(turn.answer, marks, true);
      if (!text.startsWith(start) || !isTextOf(turn, before.ids)) continue;
      const rest = text.slice(start.length);
      const kept = [...before.ids, ...turn.answerIds];
      if (shield.leadingSpecial(rest) === null) {
        // The rest may share a token with the answer.
        const whole = shield.encode(text, marks);
        if (kept.every((id, at) => whole[at] === id)) return whole;
      }
      return [...kept, ...shield.encode(rest, marks, true)];
    }
    return shield.encode(text, marks);
  };

  const isTextOf = ({ answer, answerIds }: Turn, before: readonly number[]): boolean => {
    const stream = tokenizer.detokenizer();
    stream.prime(before);
    return answerIds.map((id) => stream.push(id)).join("") + stream.flush() === answer;
  };

  const encodeConversation = (turns: readonly Turn[], user: string, system: string | null): number[] => {
    // Those of a conversation from a file are not there yet.
    for (let i = 0; i < turns.length; i++) {
      if (prompts[i] === undefined) encodeConversation(turns.slice(0, i), turns[i]!.user, system);
    }
    const { text, marks } = render([
      ...(system === null ? [] : [{ role: "system" as const, content: system }]),
      ...turns.flatMap(({ user, answer }) => [
        { role: "user" as const, content: user },
        { role: "assistant" as const, content: answer },
      ]),
      { role: "user", content: user },
    ]);
    const ids = encodePrompt(turns, text, marks);
    prompts[turns.length] = { text, marks, ids };
    return [...ids];
  };

  return {
    name: "template",
    templateHash: template.hash,
    get stopIds() {
      stopIds ??= endOfAnswer(tokenizer, template, shield);
      return stopIds;
    },
    get tools() {
      known ??= templateTools(withTools ?? template);
      return known;
    },
    encodeDialog,
    encodeConversation,
    encodeAnswer: (text) => encodeAfter(tokenizer, text),
    refusal: () => null,
  };
}

/** The special token that the template writes after an answer. */
function endOfAnswer(tokenizer: Tokenizer, template: ChatTemplate, shield: ShieldedText): ReadonlySet<number> {
  const answer = "answer of the assistant";
  const dialog = [
    { role: "user", content: "question" },
    { role: "assistant", content: answer },
  ];
  let text: string;
  try {
    text = template.render(dialog, false);
  } catch (error) {
    if (error instanceof LlamaError) return NO_STOPS;
    throw error;
  }
  const at = text.lastIndexOf(answer);
  const name = at < 0 ? null : shield.leadingSpecial(text.slice(at + answer.length).trimStart());
  const id = name === null ? undefined : tokenizer.specialTokens.get(name);
  return id === undefined ? NO_STOPS : new Set([id]);
}
