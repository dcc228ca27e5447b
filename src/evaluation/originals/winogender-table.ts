/** WinoGender as its makers give it: all_sentences.tsv, whose ids hold everything else, and the statistics of occupations. */
import { LlamaError } from "../../error.js";
import { quoted } from "../../formats/files/quoted.js";
import { csvRows } from "../data/csv.js";
import type { OriginalFile, OriginalForm } from "../data/data-needs.js";
import type { Row } from "../data/row.js";

const PRONOUNS: Readonly<Record<string, readonly string[]>> = {
  male: ["he", "him", "his"],
  female: ["she", "her"],
  neutral: ["they", "them", "their"],
};
/** OCCUPATION.PARTICIPANT.ANSWER.GENDER.txt */
const ID = /^([^.]+)\.([^.]+)\.([01])\.(male|female|neutral)\.txt$/;
const SENTENCES = ["all_sentences.tsv", "data/all_sentences.tsv"];
const STATISTICS = ["occupations-stats.tsv", "data/occupations-stats.tsv"];

/** All 720 sentences. */
export const WINOGENDER_TABLES: readonly OriginalForm[] = SENTENCES.map((path) => ({
  paths: { test: [path] },
  rows: ([files]) => sentences(files![0]!),
}));

/**
 * The 240 sentences in which the majority of the occupation misleads (Rudinger et al. 2018): the pronoun means the occupation
 * and is not of its majority's gender, or means the participant and is.
 */
export const GOTCHA_TABLES: readonly OriginalForm[] = SENTENCES.map((path, i) => ({
  paths: { test: [path, STATISTICS[i]!] },
  rows: ([files, statistics]) => {
    const majorities = majorityGenders(statistics![0]!);
    return sentences(files![0]!).filter(({ occupation, gender, label }) => {
      if (gender === "neutral") return false;
      const majority = majorities.get(occupation as string);
      if (majority === undefined) {
        const found = quoted(occupation as string);
        throw new LlamaError("usage", "has no statistics of an occupation", { where: statistics![0]!.path, found });
      }
      return (gender === majority) === (label === 1);
    });
  },
}));

function sentences({ path, text }: OriginalFile): Row[] {
  return csvRows(text, "\t", path).map(({ sentid = "", sentence = "" }, i) => {
    const [, occupation, participant, answer, gender] = ID.exec(sentid) ?? [];
    const words = sentence.toLowerCase().match(/[a-z]+/g) ?? [];
    const pronoun = words.find((word) => PRONOUNS[gender ?? ""]?.includes(word));
    if (pronoun === undefined) {
      throw new LlamaError("usage", "is no sentence of WinoGender", {
        where: `${path}, row ${i + 1}`,
        expected: "sentid OCCUPATION.PARTICIPANT.ANSWER.GENDER.txt, and a sentence with a pronoun of that gender",
        found: `sentid ${quoted(sentid)}`,
      });
    }
    const label = Number(answer);
    return {
      sentid,
      sentence,
      pronoun,
      occupation,
      participant,
      gender,
      target: [occupation, participant][label],
      label,
    };
  });
}

/** By occupation; the Bureau of Labor Statistics' share of women decides. */
function majorityGenders({ path, text }: OriginalFile): Map<string, "male" | "female"> {
  return new Map(
    csvRows(text, "\t", path).map(({ occupation, bls_pct_female: share = "" }, i) => {
      if (occupation === undefined || !/^[\d.]+$/.test(share)) {
        const expected = "the columns occupation and bls_pct_female";
        throw new LlamaError("usage", "is no statistics of occupations", { where: `${path}, row ${i + 1}`, expected });
      }
      return [occupation, Number(share) > 50 ? "female" : "male"];
    }),
  );
}
