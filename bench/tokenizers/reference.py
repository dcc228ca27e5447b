"""Writes strings and what the real libraries make of them: python bench/tokenizers/reference.py OUT COUNT SEED FILE...
OUT/strings.json: the strings; OUT/N.json: ids and texts of the Nth FILE. A tokenizer.json is read by tokenizers, or by transformers
if a tokenizer_config.json beside it names LlamaTokenizer; a tokenizer.model by sentencepiece or tiktoken.
"""
import base64
import json
import os
import random
import sys
import unicodedata

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TRICKY = (
    ["", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", " \n ", "a", " a", "a ", "  a", "a  b", "a   b", "\n a", "a\n", "\n\n\n b"]
    + ["Hello world", "Hello, world!", "I'm you're he'll they've we'd it's", "I'M YOU'RE HE'LL", "don’t", "'ſ 'K", "x'ſ"]
    + ["1234567890", "1 2 3", "3.14159", "1,000,000", "٣٤٥", "²", "x²", "abc123def", "_foo", "__init__", "foo_bar"]
    + ["def f(x):\n    return x\n", "\tif (a) {\n\t\tb;\n\t}", "<s>", "</s>", "<unk>", "<s>a</s>", "<|begin_of_text|>"]
    + ["<|im_start|>user\nHi<|im_end|>", "[INST] hi [/INST]", "<<SYS>>", "<0x0A>", "<0x41>", "▁", "▁a", "a▁b", "Ġ", "Ġa", "Ċ"]
    + ["é", "e\u0301", "ﬁ", "Å", "\u212b", "\u212a", "ſ", "İ", "ß", "\u00a0", "a\u00a0b", "\u3000", "a\u3000b", "\u200b"]
    + ["\ufeff", "\ufeffa", "a \ufeff b", "\u2028", "\u0085", "a\u0085b", "\x00", "a\x00b", "\x7f", "\x1f", "a\x1cb", "\ufffd"]
    + ["😀", "👨‍👩‍👧", "🇩🇪🇫🇷", "中文", "日本語テキスト", "한국어", "\u1112\u1161\u11ab", "https://example.com/a?b=c&d=e#f"]
    + ["user@example.com", "C:\\Users\\x", "a" * 300, " " * 100, "\n" * 30, "ab" * 200, "0" * 50, "!?" * 40, "-" * 80]
    + ["=" * 79 + "\n", "word " * 60, "a\r\nb\rc\nd", " \t \n \t ", "  leading", "trailing  ", "\u0301", "a\u0301\u0301"]
    + ["𝕳𝖊𝖑𝖑𝖔", "ⅷ", "½", "१२३", "x\u200dy", "don't\u2019t", "'s", " 's", "'S", "''s", "''", "s's's", "…", "—", "“quoted”"]
    + ["#include <stdio.h>", "SELECT * FROM t;", '{"a": [1, 2.5e-3, null]}', "x" * 1000, "é" * 300, "中" * 200, "\u0e33" * 9]
    + ["Ａ１", "①②③", "𝟙𝟚𝟛", "৪৫৬", "〇一二三", "x\u0327\u0301", "\u0344", "\u1e9b\u0323", "\uf900", "\u2126", "a\u030a"]
)
WORDS = (
    "the of and to in is that it was for on are as with his they at be this from have or by one had not but what all were when "
    "der die und zu den das nicht von sie ist el la que y en los se del las un por con no una su para le lo des les est dans qui "
    "и в не на что с я по как это из у он за от же к но вы для так был того 的 是 不 了 在 人 有 我 他 这 の に は を た が で "
    "하다 있다 되다 수 하나 그 في من على أن إلى है के में की का ที่ และ ใน return function const int void import class self"
).split()


def alphabets():
    """Assigned characters of each general category, for characters of every script."""
    groups = {}
    for code in list(range(0x3400)) + list(range(0x4E00, 0x4F00)) + list(range(0xA000, 0xD800)) + list(range(0xF900, 0x20000)):
        kind = unicodedata.category(chr(code))
        if kind not in ("Cn", "Cs"):
            groups.setdefault(kind, []).append(chr(code))
    return groups


def random_text(groups, names):
    kind = random.random()
    length = random.randint(1, 40)
    if kind < 0.2:  # characters of any category
        return "".join(random.choice(random.choice(list(groups.values()))) for _ in range(length))
    if kind < 0.4:  # runs of a few categories
        some = random.sample(list(groups), 3)
        return "".join(
            "".join(random.choice(groups[k]) for _ in range(random.randint(1, 6))) for k in random.choices(some, k=length // 3 + 1)
        )
    if kind < 0.6:  # words and what is between them
        gaps = [" ", " ", " ", "  ", "\n", "\n\n", "\t", " \n", "-", "'", ", ", ". ", "/", "_", "(", ")", '"', "\u00a0", "1", "22", "3333"]
        text = ""
        for _ in range(random.randint(1, 14)):
            word = random.choice(WORDS)
            text += random.choice([word, word.title(), word.upper()]) + random.choice(gaps)
        return text
    if kind < 0.7:  # ASCII
        return "".join(chr(random.randint(0, 127)) for _ in range(length))
    if kind < 0.8:  # normalisation forms
        text = "".join(random.choice(groups[random.choice(["Ll", "Lu", "Mn", "Lo", "No"])]) for _ in range(length))
        return unicodedata.normalize(random.choice(["NFC", "NFD", "NFKC", "NFKD"]), text)
    if kind < 0.9:  # white space and digits
        spaces = [" ", " ", "\n", "\r", "\t", "\v", "\f", "\u00a0", "\u0085", "\u2003", "\u2028", "\u3000", "\ufeff"]
        return "".join(random.choice(random.choice([spaces, groups["Nd"], groups["No"], "ab"])) for _ in range(length))
    # names of the tokenizer's own tokens in text
    return "".join(random.choice([random.choice(names), random.choice(WORDS), " ", "\n"]) for _ in range(random.randint(1, 8)))


def hidden(root):
    """The same tokenizer, whose special tokens have names that no text contains: ids stay as they are."""
    root = json.loads(json.dumps(root))
    for token in root.get("added_tokens") or []:
        if token["special"]:
            token["content"] = f"\ue000special {token['id']}\ue000"
    root["post_processor"] = None
    return root


def with_tokenizers(path, strings):
    from tokenizers import Tokenizer

    whole, folder = Tokenizer.from_file(path), os.path.dirname(path)
    if os.path.exists(os.path.join(folder, "tokenizer_config.json")):
        # This class has steps of its own. So has GPT2Tokenizer, but it drops the step for digits that SmolLM2 was trained with.
        from transformers import AutoTokenizer

        named = AutoTokenizer.from_pretrained(folder)
        if type(named).__name__ == "LlamaTokenizer":
            whole = named.backend_tokenizer
    root = json.loads(whole.to_str())
    plain = Tokenizer.from_str(json.dumps(hidden(root)))
    ids = [plain.encode(s, add_special_tokens=False).ids for s in strings]
    texts = [whole.decode(i, skip_special_tokens=False) for i in ids]
    special = [whole.encode(s, add_special_tokens=False).ids for s in strings]
    added = [whole.encode(s, add_special_tokens=True).ids for s in strings]
    odd = [random.sample(range(whole.get_vocab_size(with_added_tokens=False)), random.randint(1, 12)) for _ in strings]
    odd = [[i for i in row if (whole.id_to_token(i) or "") not in {t["content"] for t in root["added_tokens"]}] for row in odd]
    return {"ids": ids, "texts": texts, "special": special, "added": added, "odd": odd, "oddTexts": [whole.decode(i) for i in odd]}


def with_sentencepiece(path, strings):
    import sentencepiece

    t = sentencepiece.SentencePieceProcessor(model_file=path)
    ids = [t.encode(s) for s in strings]
    odd = [random.sample(range(t.vocab_size()), random.randint(1, 12)) for _ in strings]
    return {"ids": ids, "texts": [t.decode(i) for i in ids], "odd": odd, "oddTexts": [t.decode(i) for i in odd]}


def with_tiktoken(path, strings):
    import tiktoken

    ranks = {base64.b64decode(a): int(b) for a, b in (line.split() for line in open(path, encoding="utf8") if line.strip())}
    t = tiktoken.Encoding("x", pat_str=LLAMA3, mergeable_ranks=ranks, special_tokens={})
    ids = [t.encode(s, disallowed_special=()) for s in strings]
    odd = [random.sample(range(len(ranks)), random.randint(1, 12)) for _ in strings]
    return {"ids": ids, "texts": [t.decode(i) for i in ids], "odd": odd, "oddTexts": [t.decode(i) for i in odd]}


def library(path):
    head = open(path, "rb").read(64)
    if head.lstrip()[:1] == b"{":
        return with_tokenizers
    first = head.split(b"\n")[0].split()
    return with_tiktoken if len(first) == 2 and first[1].isdigit() else with_sentencepiece


def names_of(paths):
    names = ["<s>", "</s>", "<unk>", "<|im_start|>"]
    for path in paths:
        if library(path) is with_tokenizers:
            names += [t["content"] for t in json.load(open(path, encoding="utf8")).get("added_tokens") or []][:40]
    return names


def main():
    out, count, seed, *paths = sys.argv[1:]
    random.seed(int(seed))
    groups, names = alphabets(), names_of(paths)
    strings = TRICKY + [random_text(groups, names) for _ in range(int(count))]
    json.dump(strings, open(os.path.join(out, "strings.json"), "w"))
    for n, path in enumerate(paths):
        json.dump(library(path)(path, strings), open(os.path.join(out, f"{n}.json"), "w"))


main()
