"""What lm-evaluation-harness asks and scores for the made-up documents, for test/evaluation/oracle.test.ts.

    node dist/test/evaluation/made-up.js DIR
    python test/evaluation/oracle.py DIR test/fixtures/evaluation/oracle.json

with `pip install "lm-eval[api]==0.4.13"`. The answers of the model are made from hashes of the requests.
"""
import hashlib
import json
import os
import sys
import tempfile
import types
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = os.environ["HF_DATASETS_OFFLINE"] = "1"
# HumanEval and MBPP load a runner of programs from the network when they are imported; only their prompts are compared.
runner = types.SimpleNamespace(compute=lambda references, predictions, k: ({"pass@1": 0.0}, {}))
sys.modules["evaluate"] = types.SimpleNamespace(load=lambda name: runner)
import lm_eval
from lm_eval.api.metrics import aggregate_subtask_metrics, pooled_sample_stderr
from lm_eval.api.model import LM
from lm_eval.tasks import TaskManager

sha = lambda text: hashlib.sha256(text.encode()).hexdigest()
number = lambda text: int(sha(text)[:6], 16)


def variants(doc):
    """Texts around the right answer, some of them right by one rule or another."""
    gold = doc.get("answer", "0")
    if "solution" in doc:
        g = gold
        return [g, f" {g}", f"${g}$", f"It is ${g}$.", f"$a$ or ${g}$", g.replace("\\dfrac", "\\frac"), g.replace("frac", "tfrac"),
                f"k={g}", f"\\left{g}\\right", "\\frac{1}{2}", "1/2", "5", "\\sqrt{3}", "\\sqrt", "\\frac3{4}", "\\frac34", "\\frac3", "\\frac",
                "2/3", "a/b", "+2/3", "02/3", "1\\text{ m}\\text{ s}", "3 ", "$5", "10", "12^{\\circ}", "0.5", " .5", ""]
    gold = gold["aliases"] if isinstance(gold, dict) else gold
    if isinstance(gold, list):
        g = gold[-1]
        return [f" {gold[0]}", f"the {g.upper()}!", " nobody", f"\u2003A {g.lower()} ", f"{g}s", f"The  {g}", f"an {g}'s", f" {g.swapcase()}\x00", "A the"]
    n = gold.split()[-1]
    return [f" so\n#### {n}", f" the answer is ${n}.00.", f" {n}, or 7", f"#### {n},000. Or {n}", " none.", f"The answer is {n}. Is it -{n}",
            f"The answer is {n}", f"The answer is {n}.\nThe answer is 3.", f"#### -{n}.\n#### 5", f"${n}", f"The answer is $5. #### {n}\n", ""]


class Canned(LM):
    def loglikelihood(self, requests, disable_tqdm=False):
        text = lambda r: "|".join(r.args)
        return [(-(number(text(r)) % 400) / 10 - 0.25 * len(r.args[1]), number(text(r)) % 2 == 0) for r in requests]

    def loglikelihood_rolling(self, requests, disable_tqdm=False):
        return [-1.5 * len(r.args[0]) - number(r.args[0]) % 100 for r in requests]

    def generate_until(self, requests, disable_tqdm=False):
        out, seen = [], {}
        for r in requests:
            key = (r.task_name, r.doc_id)
            k = seen[key] = seen.get(key, -1) + 1  # the samples of a document differ
            texts = variants(r.doc)
            out.append(texts[number(f"{r.args[0]}|{k}") % len(texts)])
        return out


def local(task, data, folder, manager):
    """The registered task on local files: its own YAML, included, with other data."""
    files = {f.stem: str(f.resolve()) for f in sorted(Path(data, task).iterdir())}
    yaml = {"include": str(manager.task_index[task].yaml_path), "task": task, "dataset_path": "json", "dataset_name": None,
            "dataset_kwargs": {"data_files": files}}
    path = Path(folder, f"{task}.yaml")
    path.write_text(json.dumps(yaml), encoding="utf-8")
    return str(path)


def shown(samples):
    """By document: a hash of all requests, the target, and the metrics of each filter."""
    docs = {}
    for s in samples:
        entry = docs.setdefault(s["doc_id"], {"metrics": {}})
        args = [a for a in s["arguments"]]
        texts = [list(a[:2]) if isinstance(a[-1], str) and len(a) > 1 else [a[0]] for a in args]
        entry["prompt"] = sha(json.dumps(texts, ensure_ascii=False, separators=(",", ":")))[:10]
        entry["target"] = sha(str(s["target"]))[:6]
        entry["doc"] = s["doc_hash"][:6]
        for m in s["metrics"]:
            entry["metrics"][f"{m},{s['filter']}"] = s[m]
    rows = [docs[i] for i in sorted(docs)]
    names = sorted(rows[0]["metrics"])
    return {"prompts": [r["prompt"] for r in rows], "targets": " ".join(r["target"] for r in rows), "docs": " ".join(r["doc"] for r in rows),
            "metrics": {n: [r["metrics"][n] for r in rows] for n in names}}


def main(data, out):
    result = {}
    tasks = sorted(p.name for p in Path(data).iterdir())
    manager = TaskManager()
    with tempfile.TemporaryDirectory() as folder:
        paths = {t: local(t, data, folder, manager) for t in tasks}
        for shots in (None, 3):
            some = [t for t in tasks if not shots or t not in ("wikitext", "humaneval", "gsm8k_cot_self_consistency")]
            r = lm_eval.simple_evaluate(Canned(), tasks=[paths[t] for t in some], num_fewshot=shots, log_samples=True, bootstrap_iters=100,
                                        confirm_run_unsafe_code=True, task_manager=manager)
            for t in some:
                figures = {k: v for k, v in r["results"][t].items() if "," in k}
                entry = shown(r["samples"][t])
                if t in ("humaneval", "mbpp"):
                    entry["metrics"] = figures = {}
                entry |= {"figures": figures, "version": r["versions"][t], "shots": r["n-shot"][t], "kwargs": r["configs"][t].get("generation_kwargs"),
                          "higher": r["higher_is_better"][t]}
                result[f"{t} {'default' if shots is None else shots}"] = entry
    pair = [result[f"mmlu_{s} default"]["figures"] for s in ("anatomy", "high_school_biology")]
    result["group"] = {"value": aggregate_subtask_metrics([p["acc,none"] for p in pair], [20, 11]),
                       "stderr": float(pooled_sample_stderr([p["acc_stderr,none"] for p in pair], [20, 11]))}
    lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'), default=float)}" for k, v in result.items())
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    Path(out).write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main(*sys.argv[1:3])
