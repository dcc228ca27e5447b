/** GGUF's checkpoint format: one file, or parts of one, with metadata, tokenizer and weights. Does not know names of tensors. */
import { hasGguf, openGgufFiles } from "../../formats/gguf/gguf-parts.js";
import { mixtureName } from "../../formats/gguf/gguf-types.js";
import { openGgufTokenizer } from "../../tokenizer/kinds/gguf-tokenizer.js";
import { ggufRope, readGgufDescription, resolveGgufConfig } from "../config/gguf-config.js";
import type { CheckpointFormat } from "./checkpoint-format.js";
import { GgufTensors } from "./gguf-tensors.js";

export const ggufFormat: CheckpointFormat = {
  name: "GGUF",
  detect: (place) => (hasGguf(place) ? "complete" : null),
  open(place) {
    const files = openGgufFiles(place);
    const [first] = files as [(typeof files)[0], ...typeof files];
    const raw = readGgufDescription(first.path, first.metadata);
    const tensors = new GgufTensors(files);
    const embedding = tensors.embedding();
    const name = first.metadata.get("general.name");
    const rope = ggufRope(raw, tensors.ropeFactors());
    return {
      path: first.path,
      format: this.name,
      files: files.map(({ path }) => path),
      descriptions: [],
      unknownKeys: raw.unknownKeys,
      ropeScaling: rope.ropeScaling,
      stated: {
        name: typeof name === "string" && name !== "" ? name : null,
        quantisation: mixtureName(first.metadata.get("general.file_type")),
      },
      tokenizerPath: first.path,
      openTokenizer: () => openGgufTokenizer(first),
      config() {
        const config = resolveGgufConfig(raw, rope, embedding, (name) => tensors.has(name));
        const storedBlocks = tensors.storedBlocks(config);
        return Object.keys(storedBlocks).length === 0 ? config : { ...config, storedBlocks };
      },
      tensors: (config) => tensors.ofModel(config),
    };
  },
};
