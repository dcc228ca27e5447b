import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { refuseOtherModels } from "../../src/model/config/other-models.js";

const read = (values: object) => refuseOtherModels({ file: "config.json", values: new Map(Object.entries(values)) });

describe("a config.json of another kind of model", () => {
  const refused: [object, RegExp][] = [
    [
      { quantization_config: { quant_method: "gptq", bits: 4 } },
      /quantization_config: weights quantised by "gptq" are/,
    ],
    [{ quantization_config: { quant_method: "awq" } }, /quantised by "awq"/],
    [{ quantization_config: { quant_method: "fp8" } }, /quantised by "fp8"/],
    [{ quantization_config: { quant_method: "compressed-tensors" } }, /quantised by "compressed-tensors"/],
    [{ quantization_config: { load_in_4bit: true } }, /quantised by bitsandbytes \(4 bits\)/],
    [{ quantization_config: { quant_method: "bitsandbytes", load_in_8bit: true } }, /bitsandbytes \(8 bits\)/],
    [{ quantization_config: { bits: 4, group_size: 128 } }, /quantised by a method that is not named/],
    [{ quantization_config: 4 }, /quantization_config: must be a JSON object/],
    [
      { compression_config: { format: "pack-quantized" } },
      /compression_config: weights quantised by compressed-tensors/,
    ],
    [{ quantization: { group_size: 64, bits: 4 } }, /quantization: weights quantised by MLX \(4 bits\)/],
    [
      { model_type: "llava", text_config: { model_type: "llama" }, vision_config: {} },
      /model_type "llava" with text_config is a multimodal model around a "llama"; expected a text model\. Use the text/,
    ],
    [{ model_type: "mllama", vision_config: {} }, /model_type "mllama" with vision_config is a multimodal model/],
    [{ model_type: "llava_llama", mm_vision_tower: "openai/clip" }, /with mm_vision_tower is a multimodal model/],
  ];
  for (const [values, message] of refused) {
    it(`is refused by name: ${JSON.stringify(values)}`, () => {
      assert.throws(() => read(values), { name: "LlamaError", kind: "model", message });
    });
  }

  for (const value of [{}, null, false, "", { quant_method: null }, { quant_method: "none" }]) {
    it(`is not quantised with quantization_config ${JSON.stringify(value)}`, () =>
      read({ quantization_config: value }));
  }

  it("is not quantised where both switches of bitsandbytes are off", () => {
    read({ quantization_config: { quant_method: "bitsandbytes", load_in_4bit: false, load_in_8bit: false } });
  });

  it("is not multimodal where its parts are null", () => read({ vision_config: null, text_config: null }));
});
