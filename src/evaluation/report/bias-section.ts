/** The section about bias: CrowS-Pairs by category with its intervals beside the paper's figures, and WinoGender. Says what they do not show. */
import type { EvalOutput } from "../compare/read-output.js";
import type { Sample } from "../compare/read-samples.js";
import { wilson } from "../metrics/interval.js";
import { type ChartRow, intervalChart } from "./interval-chart.js";
import { type Content, element, type Markup, table } from "./markup.js";

interface Category {
  /** As the data name it, and as the paper does. */
  key: string;
  title: string;
  /** Table 12 of arXiv 2302.13971, in per cent. */
  paper: Readonly<Record<string, number>> | null;
}

const category = (key: string, title: string, llama: number, gpt3: number, opt: number): Category => ({
  ...{ key, title, paper: { "LLaMA-65B": llama, "GPT-3 175B": gpt3, "OPT-175B": opt } },
});

/** In the paper's order; "autre" is only in the revised data. */
const CATEGORIES: readonly Category[] = [
  category("gender", "Gender", 70.6, 62.6, 65.7),
  category("religion", "Religion", 79.0, 73.3, 68.6),
  category("race-color", "Race/Color", 57.0, 64.7, 68.6),
  category("sexual-orientation", "Sexual orientation", 81.0, 76.2, 78.6),
  category("age", "Age", 70.1, 64.4, 67.8),
  category("nationality", "Nationality", 64.2, 61.6, 62.9),
  category("disability", "Disability", 66.7, 76.7, 76.7),
  category("physical-appearance", "Physical appearance", 77.8, 74.6, 76.2),
  category("socioeconomic", "Socioeconomic", 71.5, 73.8, 76.2),
  { key: "autre", title: "Other", paper: null },
];
const AVERAGE = { "LLaMA-65B": 66.6, "GPT-3 175B": 67.2, "OPT-175B": 69.5 };

const CROWS = /^crows_pairs_english/;
const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
const marksOf = (paper: Readonly<Record<string, number>> | null) =>
  Object.entries(paper ?? {}).map(([name, value]) => ({ name, value: value / 100 }));

/** Null without samples of CrowS-Pairs and WinoGender. */
export function biasSection(outputs: readonly EvalOutput[]): Content {
  const withPairs = outputs.filter((output) => crowsPairs(output).length > 0);
  const withSentences = outputs.filter(({ samples }) => samples.has("winogender_all"));
  const parts = [
    withPairs.length > 0 ? crowsPart(withPairs) : null,
    withSentences.length > 0 ? winogenderPart(withSentences) : null,
  ];
  return parts.every((part) => part === null) ? null : parts;
}

/** The pairs of the whole task, or else of those of single categories. */
function crowsPairs({ samples }: EvalOutput): Sample[] {
  const whole = samples.get("crows_pairs_english");
  return whole ?? [...samples].flatMap(([task, some]) => (CROWS.test(task) ? some : []));
}

const preferred = (pairs: readonly Sample[]) => pairs.filter(({ metrics }) => metrics.pct_stereotype === 1).length;
/** By perplexity, as the paper has it; null in outputs without the measure. */
function shareByToken(pairs: readonly Sample[]): number | null {
  const values = pairs.map(({ metrics }) => metrics.pct_stereotype_token).filter((value) => value !== undefined);
  return values.length === 0 ? null : meanOf(values);
}

const inCategory = (pairs: readonly Sample[], key: string) =>
  pairs.filter(({ doc }) => String(doc.bias_type).startsWith(key));

function point(right: number, count: number): ChartRow["points"][number] {
  return count === 0 ? null : { value: right / count, interval: wilson(right / count, count) };
}

function crowsPart(outputs: readonly EvalOutput[]): Markup[] {
  const crows = outputs.map(crowsPairs);
  /** For each row and output: the share by mean log-likelihood of a token. */
  const perToken: (number | null)[][] = [];
  const rows = CATEGORIES.flatMap(({ key, title, paper }): ChartRow[] => {
    const own = crows.map((pairs) => inCategory(pairs, key));
    const count = Math.max(...own.map(({ length }) => length));
    if (count === 0) return [];
    const points = own.map((pairs) => point(preferred(pairs), pairs.length));
    perToken.push(own.map(shareByToken));
    return [{ label: title, note: `${count} pairs`, points, marks: marksOf(paper) }];
  });
  perToken.push(crows.map(shareByToken));
  const hasTokens = perToken.flat().some((share) => share !== null);
  const categories = rows.length;
  const all = crows.map((pairs) => point(preferred(pairs), pairs.length));
  const total = Math.max(...crows.map(({ length }) => length));
  rows.push({ label: "All pairs", note: `${total} pairs`, points: all, marks: marksOf(AVERAGE) });
  const means = crows.map((_, i) => meanOf(rows.slice(0, categories).flatMap(({ points }) => points[i]?.value ?? [])));
  const widest = Math.max(
    ...rows
      .slice(0, categories)
      .flatMap(({ points }) => points.flatMap((one) => (one?.interval ? (one.interval[1] - one.interval[0]) / 2 : []))),
  );
  const names = outputs.map(({ name }) => name);
  const chart = intervalChart(rows, {
    ...{
      label: "Share of pairs in which the stereotyped sentence is likelier, by category",
      from: 0,
      to: 1,
      base: 0.5,
    },
    ...{
      series: names,
      ticks: [0, 0.25, 0.5, 0.75, 1],
      show: (value) => `${Math.round(value * 1000) / 10} %`,
    },
  });
  const cells = rows.map(({ label, note, points, marks = [] }, i) => [
    ...[label, note!.replace(" pairs", "")],
    ...points.map((one) =>
      one ? `${percent(one.value)} (${one.interval!.map((end) => (end * 100).toFixed(1)).join(" to ")})` : "",
    ),
    ...(hasTokens ? perToken[i]!.map((share) => (share === null ? "" : percent(share))) : []),
    ...Object.keys(AVERAGE)
      .map((name) => marks.find((mark) => mark.name === name)?.value)
      .map((value) => (value === undefined ? "" : percent(value))),
  ]);
  const tokenNames = hasTokens ? names.map((name) => `${name}, by token`) : [];
  const columns = 2 + names.length + tokenNames.length + Object.keys(AVERAGE).length;
  const perCategory = names.map((name, i) => `${name} ${percent(means[i]!)}`).join(", ");
  return [
    element("h2", {}, "CrowS-Pairs: which sentence of a pair is likelier"),
    element(
      "p",
      {},
      `Share of pairs in which the model gives the more stereotyped sentence the higher log-likelihood. 50 % is no preference. The lines are 95 % intervals (Wilson); with ${smallest(rows)} to ${largest(rows)} pairs in a category they reach ${(widest * 100).toFixed(0)} points to either side, and most differences between models are within them.`,
    ),
    chart,
    table(
      ["category", "pairs", ...names, ...tokenNames, ...Object.keys(AVERAGE)],
      cells,
      Array.from({ length: columns - 1 }, (_, i) => i + 1),
    ),
    element(
      "p",
      { class: "soft" },
      `Mean of the categories, each counted alike: ${perCategory}. The row "All pairs" and the paper's averages count each pair alike. Figures of LLaMA-65B, GPT-3 and OPT: table 12 of arXiv 2302.13971, which compares perplexities of 1508 pairs, as the columns "by token" do. Elsewhere sums of log-likelihood decide, as in lm-evaluation-harness; the two differ where sentences have different numbers of tokens.`,
    ),
    element(
      "p",
      { class: "soft" },
      "What this does not show: how a model behaves in use. The pairs are in US English about stereotypes of the United States, and many were found unsound: they name no stereotype, or differ in more than the group (Blodgett et al., ACL 2021). By the same table LLaMA-65B is above GPT-3 in gender and religion and below it on average.",
    ),
  ];
}

const pairCounts = (rows: readonly ChartRow[]) => rows.slice(0, -1).map(({ note }) => Number.parseInt(note!, 10));
const smallest = (rows: readonly ChartRow[]) => Math.min(...pairCounts(rows));
const largest = (rows: readonly ChartRow[]) => Math.max(...pairCounts(rows));
const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

const GENDERS = [
  ["female", "her/her/she"],
  ["male", "his/him/he"],
  ["neutral", "their/them/someone"],
] as const;

function winogenderPart(outputs: readonly EvalOutput[]): Markup[] {
  const of = (output: EvalOutput, task: string) => output.samples.get(task) ?? [];
  const row = (label: string, choose: (output: EvalOutput) => readonly Sample[]): ChartRow[] => {
    const own = outputs.map(choose);
    const count = Math.max(...own.map(({ length }) => length));
    const right = (samples: readonly Sample[]) => samples.filter(({ metrics }) => metrics.acc === 1).length;
    return count === 0
      ? []
      : [{ label, note: `${count} sentences`, points: own.map((some) => point(right(some), some.length)) }];
  };
  const rows = [
    ...row("All", (output) => of(output, "winogender_all")),
    ...GENDERS.flatMap(([gender, title]) =>
      row(title, (output) => of(output, "winogender_all").filter(({ doc }) => doc.gender === gender)),
    ),
    ...row("Gotcha", (output) => of(output, "winogender_gotcha")),
  ];
  return [
    element("h2", {}, "WinoGender: who a pronoun refers to"),
    element(
      "p",
      {},
      "Share of sentences in which the pronoun is understood as it is meant. In the gotcha sentences the pronoun is not that of the majority in the occupation; a lower share there says that the model follows the occupation.",
    ),
    intervalChart(rows, {
      ...{
        label: "Accuracy on WinoGender by pronoun",
        from: 0,
        to: 1,
        base: 0.5,
        series: outputs.map(({ name }) => name),
      },
      ...{ ticks: [0, 0.25, 0.5, 0.75, 1], show: (value) => `${Math.round(value * 1000) / 10} %` },
    }),
  ];
}
