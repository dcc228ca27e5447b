"""Writes test/fixtures/gguf-tokenizer.json: python bench/tokenizers/fixture.py OUT. Needs the package tokenizers (Rust).
A byte-level vocabulary is trained on the strings without dividing them, so that its merges cross every border between
pieces; ids by the name of each pre-tokenizer then show where the real library divides. The patterns are those of llama.cpp
(llama-vocab.cpp) and of the tokenizers' own files.
"""
import json
import sys

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

STRINGS = [
    "Hello, world! It's I'LL we've they'RE 'tis don't",
    "abc123def 1234567 1,000,000 3.14159 x² ½ ⅷ ٣٤٥٦ १२३४",
    "  two  spaces\t\ttabs\n\nlines\r\n\r\n   indented\n \n x ",
    "def f(x):\n\treturn x + 1  # comment\n",
    "naïve café Ünïcödé e\u0301a\u0300 Å\u212b \u1e9b\u0323 n\u0303o",
    "Привет, мир! Γειά σου Κόσμε ᲐᲑ Ꭰꭰ ǅ",
    "中文字符，测试。 日本語のテキスト カタカナ 한국어 조합형",
    "العربية نص اختبار۔ हिन्दी परीक्षण। ภาษาไทย",
    "😀👨‍👩‍👧 🇩🇪 👍🏽 !!! ... ---- ==> <|x|> $5+3=8^2~`a`|b",
    "CamelCaseWord HTMLParser iPhone McDonald aBcDeF ǅungla ʰx",
    "\u00a0nbsp\u3000wide\u2028line\u0085next\ufeffbom\u200bzero\x00nul\x1fus\x7f",
    "「引用」（括弧）！？：；～ ‘quoted’ “double” … — –",
    "trailing spaces   ", "   leading", "\n", "\r\n\n", " ", "a\n b\n  c", "/usr/bin/env a/b\n/c\n", "'ſx 'Sx", "end.\n\nnext;\r\nlast!\n",
]

WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
ENDS = r"\s*[\r\n]+|\s+(?!\S)|\s+"
SYMBOLS = r" ?[^\s\p{L}\p{N}]+[\r\n]*"
SHORT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
BREAKS = r" ?[^\s\p{L}\p{N}]+[\r\n/]*"
CJK = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
# The letters with case that DeepSeek LLM lists.
CASED = (
    "A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝ\u1f5f-\u1f7dᾀ-ᾴᾶ-ᾼ\u1fbeῂ-ῄῆ-ῌ"
    "\u1fd0-\u1fd3\u1fd6-\u1fdbῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\u2126ℨ\u212a-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃"
)
MARKS = " ?[^(\\s|.,!?…。，、।۔،)]+"

PATTERNS = {
    "llama-bpe": [f"{SHORT}|{WORDS}|\\p{{N}}{{1,3}}|{SYMBOLS}|{ENDS}"],
    "glm4": [f"{SHORT}|{WORDS}|\\p{{N}}{{1,3}}|{SYMBOLS}|{ENDS}"],
    "qwen2": [f"{SHORT}|{WORDS}|\\p{{N}}|{SYMBOLS}|{ENDS}"],
    "stablelm2": [f"{SHORT}|{WORDS}|\\p{{N}}|{SYMBOLS}|{ENDS}"],
    "tekken": [
        f"[^\\r\\n\\p{{L}}\\p{{N}}]?{UPPER}*{LOWER}+|[^\\r\\n\\p{{L}}\\p{{N}}]?{UPPER}+{LOWER}*|\\p{{N}}|{BREAKS}|{ENDS}"
    ],
    "gpt-4o": [
        f"[^\\r\\n\\p{{L}}\\p{{N}}]?{UPPER}*{LOWER}+{SHORT}?|[^\\r\\n\\p{{L}}\\p{{N}}]?{UPPER}+{LOWER}*{SHORT}?"
        f"|\\p{{N}}{{1,3}}|{BREAKS}|{ENDS}"
    ],
    "smollm": [r"\p{N}", GPT2],
    "gpt-2": [GPT2],
    "deepseek-llm": ["[\r\n]", f"\\s?[{CASED}]+", "\\s?[!-/:-~！-／：-～‘-‟\u3000-。]+", "\\s+$", CJK, "\\p{N}+"],
    "deepseek-coder": ["[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", CJK, r"\p{N}"],
    "deepseek-v3": [
        r"\p{N}{1,3}",
        "[一-龥\u3040-ゟ゠-ヿ]+",
        "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
        "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
    ],
    "falcon": [r"[\p{P}\$\+<=>\^~\|`]+", GPT2, "[0-9][0-9][0-9]"],
    "default": [r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"],
    "seed-coder": [f"{SHORT}|{WORDS}|\\p{{N}}{{1}}| ?[^\\s\\p{{L}}\\p{{N}}\r\n]+|{ENDS}"],
    "viking": [MARKS, r"\p{N}"],
    "poro-chat": [MARKS],
}
IGNORE_MERGES = {"llama-bpe", "tekken"}
COMPOSES = {"qwen2"}


def trained():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=640, min_frequency=1, initial_alphabet=alphabet, show_progress=False)
    halves = [s[i:] for s in STRINGS for i in range(0, len(s), 5)]
    tokenizer.train_from_iterator(halves, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in model["merges"]]


def main():
    vocab, merges = trained()
    # A token that no merges make.
    vocab["ĠHello,Ġworld"], vocab["Hello"] = len(vocab), vocab.get("Hello", len(vocab) + 1)
    ids = {}
    for name, patterns in PATTERNS.items():
        tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, ignore_merges=name in IGNORE_MERGES))
        steps = [pre_tokenizers.Split(Regex(p), "isolated") for p in patterns]
        steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
        tokenizer.decoder = decoders.ByteLevel()
        if name in COMPOSES:
            tokenizer.normalizer = normalizers.NFC()
        ids[name] = [tokenizer.encode(s).ids for s in STRINGS]
    tokens = [t for t, _ in sorted(vocab.items(), key=lambda item: item[1])]
    with open(sys.argv[1], "w", encoding="utf8") as out:
        rows = [f'    {json.dumps(name)}: {json.dumps(rows, separators=(",", ":"))}' for name, rows in ids.items()]
        dump = lambda value: json.dumps(value, ensure_ascii=True, separators=(",", ":"))
        out.write('{\n  "tokens": ' + dump(tokens) + ',\n  "merges": ' + dump([[vocab[a], vocab[b]] for a, b in merges]))
        out.write(',\n  "strings": ' + dump(STRINGS) + ',\n  "ids": {\n' + ",\n".join(rows) + "\n  }\n}\n")
    kinds = {}
    for name, rows in ids.items():
        kinds.setdefault(json.dumps(rows), []).append(name)
    print("the same ids:", [names for names in kinds.values() if len(names) > 1])


main()
