/** What the highlighter knows of programming languages: comments, texts and words. Does not know elements. */

/** The parts that are coloured. */
export type CodeKind = "comment" | "string" | "number" | "keyword" | "literal" | "title" | "name" | "meta";

export interface Language {
  /** Patterns in the order in which they are tried, without groups of their own. */
  patterns: readonly (readonly [CodeKind, string])[];
  keywords: ReadonlySet<string>;
}

const LINE = "//[^\\n]*";
const BLOCK = "/\\*[^]*?(?:\\*/|(?![^]))";
const HASH = "#[^\\n]*";
const DOUBLE = '"(?:\\\\[^]|[^"\\\\\\n])*"?';
const SINGLE = "'(?:\\\\[^]|[^'\\\\\\n])*'?";
const BACK = "`(?:\\\\[^]|[^`\\\\])*`?";
const NUMBER = "\\b(?:0[xob][\\da-f_]+|\\d[\\d_]*(?:\\.[\\d_]+)?(?:e[+-]?\\d+)?)[a-z]*\\d*\\b";

function language(words: string, ...patterns: readonly (readonly [CodeKind, string])[]): Language {
  return { patterns: [...patterns, ["number", NUMBER]], keywords: new Set(words.split(" ")) };
}

const C_WORDS =
  "auto bool break case catch char class const constexpr continue default delete do double else enum extern float for friend if inline int long mutable namespace new noexcept operator override private protected public return short signed sizeof static struct switch template this throw try typedef typename union unsigned using virtual void volatile while";

const LANGUAGES: Record<string, Language> = {
  bash: language(
    "case do done elif else esac exit export fi for function if in local read return set shift source then until unset while",
    ["comment", "(?<![^\\s;])#[^\\n]*"],
    ["string", DOUBLE],
    ["string", "'[^']*'?"],
    ["name", "\\$(?:\\w+|\\{[^}]*\\}?|[@#?*!$-])"],
  ),
  cpp: language(
    C_WORDS,
    ["comment", LINE],
    ["comment", BLOCK],
    ["meta", "^[ \\t]*#[^\\n]*"],
    ["string", DOUBLE],
    ["string", SINGLE],
  ),
  css: language(
    "important from to",
    ["comment", BLOCK],
    ["string", DOUBLE],
    ["string", SINGLE],
    ["keyword", "@[\\w-]+"],
    ["name", "(?<![\\w-])[\\w-]+(?=[ \\t]{0,8}:)"],
    ["number", "#[\\da-f]{3,8}\\b"],
  ),
  go: language(
    "any bool break byte case chan const continue default defer else error fallthrough float64 for func go goto if import int int64 interface map package range return rune select string struct switch type uint var",
    ["comment", LINE],
    ["comment", BLOCK],
    ["string", DOUBLE],
    ["string", SINGLE],
    ["string", BACK],
  ),
  java: language(
    "abstract boolean break byte case catch char class const continue default do double else enum extends final finally float for fun if implements import instanceof int interface long native new object override package private protected public record return short static super switch this throw throws try val var void volatile when while",
    ["comment", LINE],
    ["comment", BLOCK],
    ["string", '"""[^]*?(?:"""|(?![^]))'],
    ["string", DOUBLE],
    ["string", SINGLE],
    ["meta", "@\\w+"],
  ),
  json: language("", ["name", '"(?:\\\\.|[^"\\\\\\n])*"(?=\\s*:)'], ["string", DOUBLE]),
  python: language(
    "and as assert async await break class continue def del elif else except finally for from global if import in is lambda match nonlocal not or pass raise return try while with yield",
    ["comment", HASH],
    ["string", '\\b[rbfu]{0,2}"""[^]*?(?:"""|(?![^]))|"""[^]*?(?:"""|(?![^]))'],
    ["string", "'''[^]*?(?:'''|(?![^]))"],
    ["string", DOUBLE],
    ["string", SINGLE],
    ["meta", "^[ \\t]*@[\\w.]+"],
  ),
  rust: language(
    "as async await bool box break char const continue crate dyn else enum extern f32 f64 fn for i32 i64 if impl in let loop match mod move mut pub ref return self str static struct super trait type u8 u32 u64 unsafe use usize where while",
    ["comment", LINE],
    ["comment", BLOCK],
    ["meta", "#!?\\[[^\\]]*\\]?"],
    ["string", DOUBLE],
    ["string", "'(?:\\\\.[^']*|[^'\\\\\\n])'"],
  ),
  sql: language(
    "add all alter and as asc between by case create delete desc distinct drop else end exists from group having in index insert into is join left like limit not null on or order outer primary right select set table then union unique update values view when where with",
    ["comment", "--[^\\n]*"],
    ["comment", BLOCK],
    ["string", SINGLE],
    ["name", DOUBLE],
  ),
  typescript: language(
    "abstract any as async await boolean break case catch class const continue debugger declare default delete do else enum export extends finally for from function get if implements import in instanceof interface keyof let namespace new number of private protected public readonly return satisfies set static string super switch this throw try type typeof unknown var void while yield",
    ["comment", LINE],
    ["comment", BLOCK],
    ["string", DOUBLE],
    ["string", SINGLE],
    ["string", BACK],
  ),
  xml: language(
    "",
    ["comment", "<!--[^]*?(?:-->|(?![^]))"],
    ["meta", "<[!?][^>]*>?"],
    ["keyword", "</?[\\w:.-]+|/?>"],
    ["name", "(?<![\\w:.-])[\\w:.-]+(?==)"],
    ["string", "(?<==)(?:\"[^\"]*\"?|'[^']*'?)"],
  ),
  yaml: language(
    "",
    ["comment", "(?<!\\S)#[^\\n]*"],
    ["name", "^[ \\t-]{0,80}\\w[\\w./ -]{0,80}(?=:(?:\\s|(?![^])))"],
    ["string", DOUBLE],
    ["string", SINGLE],
  ),
};

const ALIASES: Record<string, string> = {
  ...{ sh: "bash", shell: "bash", console: "bash", zsh: "bash", c: "cpp", h: "cpp", "c++": "cpp", cs: "java" },
  ...{ kotlin: "java", golang: "go", jsonl: "json", py: "python", rs: "rust", js: "typescript", ts: "typescript" },
  ...{ javascript: "typescript", jsx: "typescript", tsx: "typescript", html: "xml", svg: "xml", yml: "yaml" },
  ...{ toml: "yaml", mjs: "typescript" },
};

/** A language by its name or a common short one; null if it is not known. */
export function findLanguage(name: string): Language | null {
  const key = name.toLowerCase();
  const found = Object.hasOwn(ALIASES, key) ? ALIASES[key]! : key;
  return Object.hasOwn(LANGUAGES, found) ? LANGUAGES[found]! : null;
}
