/** Explains a folder that has no checkpoint: an adapter, a description without weights, weights of other programs. Reads only adapter_config.json. */
import { join } from "node:path";
import { LlamaError } from "../../error.js";
import { readJsonObject } from "../../formats/files/json-file.js";
import { quoted } from "../../formats/files/quoted.js";
import { listed } from "./candidates.js";

/** Name of the file that describes an adapter (PEFT). */
export const ADAPTER = "adapter_config.json";

/** Weights that other programs read, by the names of their files. */
const FOREIGN: readonly (readonly [RegExp, string])[] = [
  [/^tf_model.*\.h5$/, "TensorFlow"],
  [/^flax_model.*\.msgpack$/, "Flax"],
  [/\.onnx$/, "ONNX"],
  [/\.(mlmodelc|mlpackage)$/, "Core ML"],
  [/\.(engine|plan)$/, "TensorRT"],
  [/\.(pt|ckpt|nemo)$/, "PyTorch in a form of their own"],
];

/** The error for a folder with these names; `candidates` are paths with a checkpoint near it. */
export function noCheckpoint(path: string, names: readonly string[], candidates: readonly string[]): LlamaError {
  if (names.includes(ADAPTER)) return adapterAlone(path);
  const fix = candidates.length > 0 ? `Did you mean ${listed(candidates)}?` : undefined;
  const foreign = FOREIGN.find(([pattern]) => names.some((name) => pattern.test(name)));
  if (foreign !== undefined && fix === undefined) {
    const file = names.find((name) => foreign[0].test(name))!;
    return new LlamaError("model", `no checkpoint files found in ${path}`, {
      expected: "weights in .safetensors, pytorch_model.bin or consolidated.00.pth",
      found: `${quoted(file)}, weights for ${foreign[1]}`,
      fix: "Use the model's files for PyTorch",
    });
  }
  if (names.includes("config.json") && fix === undefined) {
    return new LlamaError("model", `no checkpoint files found in ${path}`, {
      found: "config.json without weights",
      fix: "Download the .safetensors files too",
    });
  }
  return new LlamaError("model", `no checkpoint files found in ${path}`, fix === undefined ? {} : { fix });
}

/** What is known of the adapter in a folder, for a message: "adapter (LORA) of meta-llama/Llama-2-7b-hf". */
export function adapterText(dir: string): { text: string; base: string | null } {
  let values: Record<string, unknown> = {};
  try {
    values = readJsonObject(join(dir, ADAPTER), "");
  } catch {
    // The message says less then.
  }
  const { base_model_name_or_path: base, peft_type: type } = values;
  const kind = typeof type === "string" ? ` (${quoted(type)})` : "";
  return { text: `adapter${kind}`, base: typeof base === "string" && base !== "" ? quoted(base) : null };
}

function adapterAlone(dir: string): LlamaError {
  const { text, base } = adapterText(dir);
  const of = base === null ? "its base model" : `its base model ${base}`;
  return new LlamaError("model", `is an ${text}, not a whole model`, {
    where: dir,
    fix: `Merge it into ${of} (PEFT's merge_and_unload) and give the folder of the merged model`,
  });
}
