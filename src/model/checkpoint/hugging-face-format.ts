/** Hugging Face's checkpoint format: config.json and .safetensors or .bin files. Does not know names of tensors. */
import { flag } from "../../formats/files/json-file.js";
import { HF_CONFIG, readHfConfig, resolveHfConfig, ropeSettings } from "../config/hugging-face-config.js";
import type { CheckpointFormat } from "./checkpoint-format.js";
import { hasHfWeights, listHfFiles } from "./hugging-face-files.js";
import { openHfTensors } from "./hugging-face-tensors.js";

export const huggingFaceFormat: CheckpointFormat = {
  name: "Hugging Face",
  detect({ names }) {
    if (names === null || !hasHfWeights(names)) return null;
    return names.includes(HF_CONFIG) ? "complete" : "partial";
  },
  open({ path, names }) {
    const files = listHfFiles(path, names ?? []);
    const raw = readHfConfig(path);
    return {
      path,
      format: this.name,
      files,
      descriptions: [raw.file],
      unknownKeys: raw.unknownKeys,
      ropeScaling: ropeSettings(raw).ropeScaling,
      tokenizerFacts: { modelType: raw.values.get("model_type"), eosTokenId: raw.values.get("eos_token_id") },
      tokenizer: null,
      config: (vocabSize) => resolveHfConfig(raw, vocabSize),
      tensors: (config) => openHfTensors(files, config, flag(raw, "tie_word_embeddings")),
    };
  },
};
