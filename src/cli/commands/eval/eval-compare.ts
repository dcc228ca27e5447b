/** `eval compare`: compares two outputs on the same documents, as a table or JSON. */
import type { ChangedAnswers } from "../../../evaluation/compare/changed-answers.js";
import {
  type ComparedMetric,
  type Comparison,
  compareOutputs as compare,
} from "../../../evaluation/compare/compare-outputs.js";
import { type EvalOutput, readOutput } from "../../../evaluation/compare/read-output.js";
import { plural } from "../../../formats/files/amounts.js";
import { EXIT_OK } from "../../terminal/exit-code.js";
import { fitLines } from "../../terminal/fit-lines.js";
import { Output } from "../../terminal/output.js";
import { type MarkdownColumn, markdownTable } from "./eval-table.js";

export interface CompareFlags {
  json?: true | undefined;
  flips: number;
}

/** Characters of an answer that are shown. */
const SHOWN = 40;

/** Runs the command and returns the exit code. */
export async function compareOutputs(a: string, b: string, { json, flips }: CompareFlags): Promise<number> {
  const outputs = [readOutput(a), readOutput(b)] as const;
  const comparison = compare(...outputs);
  const output = new Output(process.stdout, () => {});
  await output.write(json ? `${JSON.stringify(jsonOf(outputs, comparison))}\n` : textOf(outputs, comparison, flips));
  return EXIT_OK;
}

function jsonOf([a, b]: readonly [EvalOutput, EvalOutput], { metrics, answers, notes }: Comparison) {
  const name = ({ name, path }: EvalOutput) => ({ name, path });
  const shown = metrics.map(({ only, test, p, corrected, count, ...metric }) => ({
    ...metric,
    documents: count,
    ...(only && { only_a: only.a, only_b: only.b }),
    ...{ test, p, p_holm: corrected },
  }));
  const changes = answers.map(({ task, filter, count, changed, likelihoods }) => ({
    ...{ task, filter, documents: count, likelihoods },
    changed: changed.map(({ docId, ...rest }) => ({ doc_id: docId, ...rest })),
  }));
  return { a: name(a), b: name(b), metrics: shown, answers: changes, notes };
}

function textOf(
  [a, b]: readonly [EvalOutput, EvalOutput],
  { metrics, answers, notes }: Comparison,
  flips: number,
): string {
  const columns: MarkdownColumn<ComparedMetric>[] = [
    { title: "Tasks", cell: ({ task }) => task },
    { title: "Filter", cell: ({ filter }) => filter },
    { title: "Metric", cell: ({ metric }) => metric },
    { title: "n", isNumber: true, cell: ({ count }) => String(count) },
    { title: "A", isNumber: true, cell: (row) => row.a.toFixed(4) },
    { title: "B", isNumber: true, cell: (row) => row.b.toFixed(4) },
    { title: "A - B", isNumber: true, cell: ({ difference }) => signed(difference) },
    { title: "95 % interval", cell: ({ interval }) => interval?.map(signed).join(" to ") ?? "" },
    { title: "only A", isNumber: true, cell: ({ only }) => (only ? String(only.a) : "") },
    { title: "only B", isNumber: true, cell: ({ only }) => (only ? String(only.b) : "") },
    { title: "p", isNumber: true, cell: ({ p }) => probability(p) },
    { title: "p, Holm", isNumber: true, cell: ({ corrected }) => probability(corrected) },
  ];
  const tests = `p: McNemar's exact test where scores are 0 or 1, else 10,000 sign flips. "p, Holm": for all ${metrics.length} rows together.\n`;
  const head = `A: ${a.name} (${a.path})\nB: ${b.name} (${b.path})\n\n`;
  const changes = answers.map((one) => changesOf(one, flips));
  const texts = [fitLines(head) + markdownTable(columns, metrics) + fitLines(tests)];
  return [...texts, ...[...notes.map((note) => `${note}\n`), ...changes].map((text) => fitLines(text))].join("\n");
}

/** "hellaswag: 12 of 1000 answers changed (1.2 %), 3 right ones lost, 2 won; log-likelihoods differ by 0.0121 on average, 0.3 at most" */
function changesOf({ task, filter, count, changed, likelihoods }: ChangedAnswers, flips: number): string {
  const of = (effect: string) => changed.filter((one) => one.effect === effect).length;
  const share = ((changed.length * 100) / count).toFixed(1);
  const parts = [
    `${changed.length} of ${plural(count, "answer")} changed (${share} %), ${of("lost")} right ones lost, ${of("won")} won`,
  ];
  if (likelihoods) {
    const { mean, largest } = likelihoods;
    parts.push(`log-likelihoods differ by ${mean.toPrecision(3)} on average, ${largest.toPrecision(3)} at most`);
  }
  const name = filter === "none" ? task : `${task}, ${filter}`;
  const lines = changed.slice(0, flips).map(({ docId, a, b, effect, size }) => {
    const moved = size > 0 ? `, by ${size.toPrecision(3)}` : "";
    return `  document ${docId}: ${shown(a)} became ${shown(b)}${effect === "neither" ? "" : `, right one ${effect}`}${moved}\n`;
  });
  if (changed.length > lines.length && flips > 0) lines.push(`  and ${changed.length - lines.length} more (--flips)\n`);
  return `${name}: ${parts.join("; ")}\n${lines.join("")}`;
}

function shown(text: string): string {
  const characters = [...text.trim()];
  return JSON.stringify(characters.length > SHOWN ? `${characters.slice(0, SHOWN).join("")}…` : characters.join(""));
}

function signed(value: number): string {
  return `${value < 0 ? "-" : "+"}${Math.abs(value).toFixed(4)}`;
}

function probability(p: number): string {
  return p < 1e-4 ? "<0.0001" : p.toFixed(4);
}
