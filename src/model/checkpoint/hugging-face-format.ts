/** Hugging Face's checkpoint format: config.json and .safetensors or .bin files. Does not know names of tensors. */
import {
  HF_CONFIG,
  isTied,
  readHfConfig,
  resolveHfConfig,
  ropeSettings,
  weightsFile,
} from "../config/hugging-face-config.js";
import { ADAPTER, adapterText } from "../place/other-folders.js";
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
    const raw = readHfConfig(path);
    const files = listHfFiles(path, names ?? [], weightsFile(raw));
    return {
      path,
      format: this.name,
      files,
      descriptions: [raw.file],
      unknownKeys: raw.unknownKeys,
      ropeScaling: ropeSettings(raw).ropeScaling,
      tokenizerFacts: { modelType: raw.values.get("model_type"), eosTokenId: raw.values.get("eos_token_id") },
      config: () => resolveHfConfig(raw),
      tensors: (config) => {
        const found = openHfTensors(files, config, isTied(raw));
        if (names?.includes(ADAPTER)) found.remarks!.push(`the ${adapterText(path).text} in the folder is not applied`);
        return found;
      },
    };
  },
};
