/** How the pre-tokenizers that GGUF files name divide a text, as Hugging Face's library needs it. Does not know tokens. */
import { LlamaError } from "../../error.js";
import { quoted } from "../../formats/files/quoted.js";
import type { GgufVocabulary } from "../../formats/tokenizer/gguf-vocabulary.js";

/** What the name of a pre-tokenizer means (llama.cpp, llama-vocab.cpp; the patterns are those of the tokenizers' own files). */
export interface PreTokenizer {
  /** Applied in turn: what a pattern matches, and what is between, is divided by the next one. */
  readonly patterns: readonly string[];
  /** A piece that is a token becomes that token, even if no merges make it. */
  readonly ignoreMerges: boolean;
  /** Whether texts begin with BOS if the file does not say. */
  readonly addsBos: boolean;
  /** Whether characters are composed first. */
  readonly composes: boolean;
}

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const [SPACES, LINES] = ["\\s+(?!\\S)|\\s+", "\\s*[\\r\\n]+"];
const GPT2 = `'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|${SPACES}`;
const DIGIT = "\\p{N}";

/** The pattern of Llama 3 and its relatives, which differ in the number of digits of a piece. */
const words = (digits: string, ends = "[\\r\\n]*") =>
  `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+${ends}|${LINES}|${SPACES}`;
const LLAMA3 = words("\\p{N}{1,3}");
const QWEN2 = words(DIGIT);

/** Words that begin with capitals are divided where small letters end: tekken, and with contractions GPT-4o. */
const [CAPITAL, SMALL] = ["[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]", "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"];
const cased = (end: string, digits: string) =>
  [
    ...[`[^\\r\\n\\p{L}\\p{N}]?${CAPITAL}*${SMALL}+${end}`, `[^\\r\\n\\p{L}\\p{N}]?${CAPITAL}+${SMALL}*${end}`],
    ...[digits, " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*", LINES, SPACES],
  ].join("|");

const CJK = "[\\u4E00-\\u9FA5\\u0800-\\u4E00\\uAC00-\\uD7FF]+";
/** Letters with case, as listed in the tokenizer of DeepSeek LLM: an older Unicode's, and not of all scripts. */
const CASED_LETTERS = [
  ...["A-Za-z\\u00B5\\u00C0-\\u00D6\\u00D8-\\u00F6\\u00F8-\\u01BA\\u01BC-\\u01BF\\u01C4-\\u0293\\u0295-\\u02AF"],
  ...["\\u0370-\\u0373\\u0376\\u0377\\u037B-\\u037D\\u037F\\u0386\\u0388-\\u038A\\u038C\\u038E-\\u03A1\\u03A3-\\u03F5"],
  ...["\\u03F7-\\u0481\\u048A-\\u052F\\u0531-\\u0556\\u10A0-\\u10C5\\u13A0-\\u13F5\\u13F8-\\u13FD\\u1C90-\\u1CBA"],
  ...["\\u1CBD-\\u1CBF\\u1D00-\\u1D2B\\u1D6B-\\u1D77\\u1D79-\\u1D9A\\u1E00-\\u1F15\\u1F18-\\u1F1D\\u1F20-\\u1F45"],
  ...["\\u1F48-\\u1F4D\\u1F50-\\u1F57\\u1F59\\u1F5B\\u1F5D\\u1F5F-\\u1F7D\\u1F80-\\u1FB4\\u1FB6-\\u1FBC\\u1FBE"],
  ...["\\u1FC2-\\u1FC4\\u1FC6-\\u1FCC\\u1FD0-\\u1FD3\\u1FD6-\\u1FDB\\u1FE0-\\u1FEC\\u1FF2-\\u1FF4\\u1FF6-\\u1FFC"],
  ...["\\u2102\\u2107\\u210A-\\u2113\\u2115\\u2119-\\u211D\\u2124\\u2126\\u2128\\u212A-\\u212D\\u212F-\\u2134\\u2139"],
  ...["\\u213C-\\u213F\\u2145-\\u2149\\u214E\\u2183\\u2184\\u2C00-\\u2C7B\\u2C7E-\\u2CE4\\u2CEB-\\u2CEE\\u2CF2\\u2CF3"],
  ...["\\uA640-\\uA66D\\uA680-\\uA69B\\uA722-\\uA76F\\uA771-\\uA787\\uA78B-\\uA78E\\uAB70-\\uABBF\\uFB00-\\uFB06"],
  ...["\\uFB13-\\uFB17\\uFF21-\\uFF3A\\uFF41-\\uFF5A\\x{10400}-\\x{1044F}\\x{104B0}-\\x{104D3}\\x{104D8}-\\x{104FB}"],
  ...["\\x{10C80}-\\x{10CB2}\\x{10CC0}-\\x{10CF2}\\x{118A0}-\\x{118DF}\\x{1E900}-\\x{1E943}"],
].join("");
const DEEPSEEK_LLM = [
  ...["[\\r\\n]", `\\s?[${CASED_LETTERS}]+`],
  ...["\\s?[!-/:-~\\uFF01-\\uFF0F\\uFF1A-\\uFF5E\\u2018-\\u201F\\u3000-\\u3002]+", "\\s+$", CJK, "\\p{N}+"],
];
const DEEPSEEK_V3 = [
  ...["\\p{N}{1,3}", "[\\u4E00-\\u9FA5\\u3040-\\u309F\\u30A0-\\u30FF]+"],
  [
    ...["[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+", "[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"],
    ...[" ?[\\p{P}\\p{S}]+[\\r\\n]*", LINES, SPACES],
  ].join("|"),
];
const SEED_CODER = `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|${LINES}|${SPACES}`;
const SENTENCE_MARKS = " ?[^(\\s|.,!?\u2026\u3002\uFF0C\u3001\u0964\u06D4\u060C)]+";

/** A row of the table: names, patterns, and what is true of these tokenizers. */
type Row = readonly [names: string, patterns: readonly string[], ...("ignores merges" | "adds BOS" | "composes")[]];
const ROWS: readonly Row[] = [
  ["llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2", [LLAMA3], "ignores merges", "adds BOS"],
  // SmolLM3 has this name. llama.cpp does not ignore merges here, the tokenizer's own file does; 588 tokens of Llama 3 need it.
  ["smaug-bpe", [LLAMA3], "ignores merges"],
  ["dbrx glm4 chatglm-bpe", [LLAMA3]],
  // Qwen's tokenizers compose characters (NFC), which llama.cpp leaves out.
  ["qwen2 deepseek-r1-qwen", [QWEN2], "composes"],
  ["stablelm2 hunyuan solar-open megrez kormo grok-2", [QWEN2]],
  ["smollm starcoder refact command-r codeshell exaone minerva-7b mellum2", [DIGIT, GPT2]],
  ["gpt-2 phi-2 mpt olmo jais trillion granite-docling gigachat a.x-4.0 mellum exaone4", [GPT2]],
  ["tekken", [cased("", DIGIT)], "ignores merges", "adds BOS"],
  ["gpt-4o llama4 kanana2", [cased(`${CONTRACTIONS}?`, "\\p{N}{1,3}")]],
  ["deepseek-llm", DEEPSEEK_LLM],
  ["deepseek-coder", ["[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", CJK, DIGIT]],
  ["deepseek-v3 hunyuan-dense joyai-llm", DEEPSEEK_V3],
  ["falcon", ["[\\p{P}$+<=>^~|`]+", GPT2, "[0-9][0-9][0-9]"]],
  ["default", ["[\\p{P}$+<=>^~|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]"]],
  ["seed-coder", [SEED_CODER]],
  ["viking", [SENTENCE_MARKS, DIGIT]],
  ["poro-chat bloom gpt3-finnish", [SENTENCE_MARKS]],
];

const PRE_TOKENIZERS: ReadonlyMap<string, PreTokenizer> = new Map(
  ROWS.flatMap(([names, patterns, ...facts]) => {
    const [ignoreMerges, addsBos] = [facts.includes("ignores merges"), facts.includes("adds BOS")];
    const meaning = { patterns, ignoreMerges, addsBos, composes: facts.includes("composes") };
    return names.split(" ").map((name) => [name, meaning] as const);
  }),
);

/** The rule that a file names in tokenizer.ggml.pre. Throws a LlamaError (model) if there is no name or an unknown one: text would be encoded wrongly. */
export function preTokenizerOf({ path, pre }: GgufVocabulary): PreTokenizer {
  const rule = pre === null ? undefined : PRE_TOKENIZERS.get(pre);
  if (rule !== undefined) return rule;
  const problem =
    pre === null ? "the file does not name its pre-tokenizer" : `the pre-tokenizer ${quoted(pre)} is not known`;
  throw new LlamaError("model", problem, {
    where: `${path}: tokenizer.ggml.pre`,
    expected: "a name such as llama-bpe, smollm or qwen2",
    found: pre === null ? "none" : quoted(pre),
    fix: "Download or convert the model again, or name its tokenizer.json with --tokenizer_path",
  });
}
