/** Recognises in a config.json what is not a text model of plain weights: quantised weights, models of images. Does not know which text models can be run. */
import { LlamaError } from "../../error.js";
import { asObject, type JsonObject } from "../../formats/files/json-file.js";
import { isObject, showValue } from "../../formats/files/json-value.js";

/** Keys of config.json that are read here. */
export const OTHER_MODEL_KEYS = ["quantization_config", "compression_config", "quantization"];

/** Parts of a config.json that only models of images or sound have. */
const MULTIMODAL = ["text_config", "vision_config", "audio_config", "vision_tower", "mm_vision_tower"];

/** Throws a LlamaError that names what the folder has instead, and what to do. */
export function refuseOtherModels(raw: JsonObject): void {
  refuseMultimodal(raw);
  for (const key of OTHER_MODEL_KEYS) {
    const value = raw.values.get(key) ?? false;
    if (value === false || value === "" || value === "none") continue;
    const where = `${raw.file}: ${key}`;
    const method = methodOf(asObject(value, where), key);
    if (method === null) continue;
    const problem = `weights quantised by ${method} are not supported`;
    const fix =
      "Use the folder with the model's original weights; llama-ts quantises them itself (--dtype int8 or int4)";
    throw new LlamaError("model", problem, { where, fix });
  }
}

/** The method's name; null where none is named and nothing was quantised, as in `{}`. */
function methodOf(settings: Record<string, unknown>, key: string): string | null {
  const { load_in_4bit, load_in_8bit, bits } = settings;
  const method =
    settings.quant_method === "none" || settings.quant_method === "" ? null : (settings.quant_method ?? null);
  if (load_in_4bit === true || load_in_8bit === true) return `bitsandbytes (${load_in_4bit ? 4 : 8} bits)`;
  // Both of its switches are off: it was only mentioned.
  if (method === "bitsandbytes" && load_in_4bit === false && load_in_8bit === false) return null;
  if (method !== null) return showValue(method);
  if (key === "compression_config" && Object.keys(settings).length > 0) return "compressed-tensors";
  if (key === "quantization" && bits !== undefined) return `MLX (${showValue(bits)} bits)`;
  return ["bits", "w_bit", "fmt", "format", "weights"].some((key) => (settings[key] ?? null) !== null)
    ? "a method that is not named"
    : null;
}

function refuseMultimodal({ file, values }: JsonObject): void {
  const part = MULTIMODAL.find((key) => isObject(values.get(key)) || typeof values.get(key) === "string");
  if (part === undefined) return;
  const text = values.get("text_config");
  const inner = isObject(text) && typeof text.model_type === "string" ? ` around a ${showValue(text.model_type)}` : "";
  throw new LlamaError(
    "model",
    `model_type ${showValue(values.get("model_type"))} with ${part} is a multimodal model${inner}`,
    {
      where: file,
      expected: "a text model",
      fix: "Use the text model it was made from, or save its language model by itself",
    },
  );
}
