import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { openPath } from "../../src/model/checkpoint/open-path.js";
import { downloadAdvice, findInHub, hubFolder } from "../../src/model/place/hub-cache.js";
import { fixture } from "../folders.js";
import { hfTensors, writeHfFolder } from "./hugging-face-folder.js";

const root = mkdtempSync(join(tmpdir(), "llama-ts-test-"));
after(() => rmSync(root, { recursive: true }));
const meta = fixture("odd/base-valid");
const { config, tensors } = hfTensors(meta, 512);
const model = writeHfFolder(join(root, "model"), config, tensors, join(meta, "tokenizer.model"));

let count = 0;
function folder(files: Record<string, string> = {}): string {
  const dir = join(root, String(count++));
  mkdirSync(dir);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return dir;
}

function refuses(path: string, message: RegExp): void {
  assert.throws(() => openPath(path), { name: "LlamaError", kind: "model", message });
}

/** A cache with a model whose snapshots have these names; those in `whole` have the model, by links. */
function cache(
  snapshots: string[],
  main: string | null,
  whole: string[] = snapshots,
  name = "models--me--tiny é",
): string {
  const hub = folder();
  const repo = join(hub, name);
  for (const part of ["blobs", "refs", ...snapshots.map((snapshot) => `snapshots/${snapshot}`)]) {
    mkdirSync(join(repo, part), { recursive: true });
  }
  if (main !== null) writeFileSync(join(repo, "refs/main"), main);
  for (const snapshot of whole) {
    for (const file of ["config.json", "model.safetensors", "tokenizer.model"]) {
      cpSync(join(model, file), join(repo, "blobs", `${snapshot}-${file}`));
      symlinkSync(`../../blobs/${snapshot}-${file}`, join(repo, "snapshots", snapshot, file));
    }
  }
  return repo;
}

describe("a model's folder in the cache of huggingface_hub", () => {
  it("is opened at the snapshot of refs/main, or at the only one", () => {
    for (const repo of [cache(["aaa", "bbb"], "bbb\n"), cache(["bbb"], null), cache(["bbb"], "gone")]) {
      assert.equal(openPath(repo).path, join(repo, "snapshots/bbb"));
    }
  });

  it("is refused if the snapshot is not known, with those there are", () => {
    refuses(cache(["aaa", "bbb"], null), /several snapshots .*refs\/main .*Name one of them: .*aaa or .*bbb$/);
    refuses(cache([], "aaa"), /has no snapshot of the model.*Download the model again/);
    const many = Array.from({ length: 16 }, (_, i) => `s${i + 10}`);
    refuses(cache(many, null, []), /s10"?, .*s11"?, .*s12"? and 13 more$/);
  });

  it("names another snapshot if that of refs/main has no weights", () => {
    refuses(
      cache(["aaa", "bbb"], "aaa", ["bbb"]),
      /no checkpoint files found in .*aaa. Did you mean .*snapshots\/bbb\?/,
    );
  });

  it("is named for the cache itself, and for the folder around it", () => {
    const repo = cache(["aaa"], "aaa");
    const hub = join(repo, "..");
    refuses(hub, /Did you mean .*models--me--tiny é\?/);
    const home = folder();
    symlinkSync(hub, join(home, "hub"));
    refuses(home, /Did you mean .*hub\/models--me--tiny é\?/);
  });

  it("is found by the model's id", () => {
    const repo = cache(["aaa"], "aaa", ["aaa"], "models--meta-llama--Llama-2-7b-hf");
    const hub = join(repo, "..");
    assert.equal(findInHub("meta-llama/Llama-2-7b-hf", hub), join(repo, "snapshots/aaa"));
    for (const id of ["meta-llama/other", "../x", "a/b/c", "/etc", "a--b/c", ""])
      assert.equal(findInHub(id, hub), null, id);
    assert.match(downloadAdvice("me/other", hub)!, /the cache .* does not have it: run "hf download me\/other" first/);
    assert.equal(downloadAdvice("7B", hub), null);
    assert.equal(downloadAdvice("./me/other", hub), null);
    refuses("no-such/model", /no-such\/model: checkpoint folder does not exist\. If it is the id of a model, /);
  });

  it("is where huggingface_hub has it", () => {
    const home = homedir();
    assert.equal(hubFolder({}), join(home, ".cache/huggingface/hub"));
    assert.equal(hubFolder({ XDG_CACHE_HOME: "/x" }), join("/x/huggingface/hub"));
    assert.equal(hubFolder({ XDG_CACHE_HOME: "/x", HF_HOME: "~/h" }), join(home, "h/hub"));
    assert.equal(hubFolder({ HF_HOME: "/h", HUGGINGFACE_HUB_CACHE: "/c" }), "/c");
    assert.equal(hubFolder({ HF_HOME: "/h", HUGGINGFACE_HUB_CACHE: "/c", HF_HUB_CACHE: "/d" }), "/d");
  });
});

describe("a folder without a checkpoint", () => {
  it("may have an adapter, which is named with its base", () => {
    const text = JSON.stringify({ peft_type: "LORA", base_model_name_or_path: "meta-llama/Llama-2-7b-hf" });
    const message =
      /: is an adapter \(LORA\), not a whole model\. Merge it into its base model meta-llama\/Llama-2-7b-hf /;
    refuses(folder({ "adapter_config.json": text, "adapter_model.safetensors": "" }), message);
    refuses(folder({ "adapter_config.json": text, "config.json": "{}", "adapter_model.bin": "" }), message);
    refuses(
      folder({ "adapter_config.json": "[" }),
      /is an adapter, not a whole model\. Merge it into its base model \(/,
    );
  });

  it("may have weights of other programs, or none", () => {
    refuses(folder({ "config.json": "{}", "tf_model.h5": "" }), /found tf_model\.h5, weights for TensorFlow/);
    refuses(folder({ "config.json": "{}", "flax_model.msgpack": "" }), /weights for Flax/);
    refuses(folder({ "config.json": "{}" }), /found config\.json without weights/);
    refuses(folder(), /no checkpoint files found in [^.]*$/);
  });

  it("is answered with a short list of those with one", () => {
    const parent = folder();
    for (let i = 10; i < 26; i++) cpSync(model, join(parent, `m${i}`), { recursive: true });
    refuses(parent, /Did you mean .*m10, .*m11, .*m12 and 13 more\?$/);
  });
});

it("an adapter beside a whole model is not applied, which is said", () => {
  const dir = join(root, "both");
  cpSync(model, dir, { recursive: true });
  writeFileSync(join(dir, "adapter_config.json"), JSON.stringify({ peft_type: "LORA" }));
  writeFileSync(join(dir, "adapter_model.safetensors"), "");
  const opened = openPath(dir);
  assert.deepEqual(opened.tensors(opened.config(512)).remarks, ["the adapter (LORA) in the folder is not applied"]);
});
