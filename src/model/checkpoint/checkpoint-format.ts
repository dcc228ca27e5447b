/** What a checkpoint format is: it recognises a path, and opens the model there. Does not know any format. */
import type { FileStamp } from "../../formats/files/file-stamp.js";
import type { ModelFacts } from "../../formats/tokenizer/tokenizer-settings.js";
import type { TokenizerSource } from "../../tokenizer/tokenizer.js";
import type { ModelConfig, RopeScaling } from "../config/config.js";
import type { CheckpointPath } from "../place/folder.js";
import type { ModelTensor } from "./model-tensor.js";
import type { DifferingReplica } from "./replicas.js";

export interface CheckpointFormat {
  readonly name: string;
  /** Whether weights of this format are there: with the file that describes the model ("complete"), without it ("partial"), or not (null). Opens no file. */
  detect(place: CheckpointPath): "complete" | "partial" | null;
  /** Finds all files and reads the description, once. Throws a LlamaError if a file is missing or describes another kind of model. */
  open(place: CheckpointPath): OpenedCheckpoint;
}

/** A model whose description was read, but no header of its weight files. */
export interface OpenedCheckpoint {
  readonly path: string;
  /** Name of the format. */
  readonly format: string;
  /** Paths of the weight files, in order. */
  readonly files: readonly string[];
  /** Paths of the other files that were read. */
  readonly descriptions: readonly string[];
  /** Of both kinds of files, taken when the path was opened; `openPath` adds them. */
  readonly stamps?: readonly FileStamp[];
  /** Keys of the description that are ignored. */
  readonly unknownKeys: readonly string[];
  /** Known before the config, because the special tokens of a tokenizer depend on it. */
  readonly ropeScaling: RopeScaling | null;
  /** What the description says about the tokenizer, if anything. */
  readonly tokenizerFacts?: ModelFacts;
  /** What the files say of themselves, in formats whose files do. */
  readonly stated?: StatedFacts;
  /** The weight file that contains the tokenizer, for formats in which one does. */
  readonly tokenizerPath?: string;
  /** Opens that tokenizer from what was read of the file. */
  openTokenizer?(): TokenizerSource;
  /** The config with all defaults, checked. `vocabSize` is the tokenizer's. Throws a LlamaError for a bad value. */
  config(vocabSize: number): ModelConfig;
  /** Rows of the vocabulary in the weight files, for formats whose config needs the tokenizer. */
  vocabularyRows?(): number;
  /** Reads the headers of the weight files. Throws a LlamaError if one is damaged or does not fit the config. */
  tensors(config: ModelConfig): CheckpointTensors;
}

export interface StatedFacts {
  /** The model's name. */
  name: string | null;
  /** The mixture of types, e.g. "Q4_K_M". */
  quantisation: string | null;
}

export interface CheckpointTensors {
  /** The kind of weight files, e.g. "safetensors". */
  container: string;
  /** By Meta's name, in the order of the model; exactly the tensors of the config. */
  tensors: Map<string, ModelTensor>;
  /** Tensors in the files that the model does not have. */
  unexpected: string[];
  /** Replicated tensors that differ between shards; the first shard's are used. */
  differing: DifferingReplica[];
  /** What the user should know about how the files are read, a sentence each. */
  remarks?: string[];
}
