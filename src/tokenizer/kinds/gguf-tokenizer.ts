/** The tokenizer in a GGUF file: rebuilds the maker's tokenizer from the metadata, for the encoders of its kind. Does not know weights. */
import { LlamaError } from "../../error.js";
import { quoted } from "../../formats/files/quoted.js";
import { type GgufFile, readGguf } from "../../formats/gguf/gguf.js";
import { type GgufVocabulary, readGgufVocabulary } from "../../formats/tokenizer/gguf-vocabulary.js";
import type { PieceType } from "../../formats/tokenizer/sentencepiece-model.js";
import { writeSentencePieceModel } from "../../formats/tokenizer/sentencepiece-writer.js";
import type { TokenizerSettings } from "../../formats/tokenizer/tokenizer-settings.js";
import type { TokenizerSource } from "../tokenizer.js";
import { bytePairsJson } from "./gguf-byte-pairs.js";
import { sentencePieceModel } from "./gguf-pieces.js";
import { preTokenizerOf } from "./gguf-pre-tokenizers.js";
import { namedStops } from "./gguf-stops.js";
import { openHuggingFaceTokenizer } from "./hugging-face-tokenizer.js";
import { openSentencePieceTokenizer } from "./sentencepiece-tokenizer.js";

/** Special ids of a SentencePiece model whose file names none (llama.cpp, llama-vocab.cpp). */
const SENTENCEPIECE_IDS = { bos: 1, eos: 2, unk: 0 };

/** Opens the tokenizer of a file that was read, or of a path. Throws a LlamaError (model) for a tokenizer that is missing, bad or of an unknown kind. */
export function openGgufTokenizer(from: GgufFile | string): TokenizerSource {
  const vocabulary = withStops(readGgufVocabulary(typeof from === "string" ? readGguf(from) : from));
  if (vocabulary.model === "llama") return ofGguf(openPieces(vocabulary));
  if (vocabulary.model === "gpt2") return ofGguf(openBytePairs(vocabulary));
  throw new LlamaError("model", `tokenizers of the kind ${quoted(vocabulary.model)} are not supported`, {
    where: `${vocabulary.path}: tokenizer.ggml.model`,
    expected: "llama (SentencePiece) or gpt2 (byte pairs)",
    found: quoted(vocabulary.model),
    fix: "Name the model's tokenizer.json or tokenizer.model with --tokenizer_path",
  });
}

/** A tokenizer that was rebuilt is not the one of a file of its own kind. */
function ofGguf({ vocabulary, load }: TokenizerSource): TokenizerSource {
  const kind = "gguf";
  return { vocabulary: { ...vocabulary, kind }, load: async () => ({ ...(await load()), kind }) };
}

type WithStops = GgufVocabulary & { readonly stopIds: readonly number[] };

/** Tokens that end a generation are no text, whatever type a converter gave them. */
function withStops(vocabulary: GgufVocabulary): WithStops {
  const named = namedStops(vocabulary);
  const { bos, eos, eot, eom } = vocabulary.ids;
  const stopIds = new Set(named);
  for (const id of [eos, eot, eom]) if (typeof id === "number") stopIds.add(id);
  const control = new Set([...stopIds, ...(typeof bos === "number" ? [bos] : [])]);
  const types = vocabulary.types.map((type, id): PieceType => (control.has(id) ? "control" : type));
  return { ...vocabulary, types, stopIds: [...stopIds] };
}

function openPieces(vocabulary: WithStops): TokenizerSource {
  const { path, tokens, ids } = vocabulary;
  const model = sentencePieceModel(vocabulary, SENTENCEPIECE_IDS);
  const names = { bos: tokens[model.bosId]!, eos: tokens[model.eosId]!, unk: tokens[model.unkId]! };
  const settings = settingsOf(vocabulary, { ...names, pad: nameOf(tokens, ids.pad) }, true);
  const bytes = writeSentencePieceModel(model);
  return openSentencePieceTokenizer({ path, kind: "sentencepiece", bytes }, settings);
}

function openBytePairs(vocabulary: WithStops): TokenizerSource {
  const { path, tokens, ids } = vocabulary;
  const rule = preTokenizerOf(vocabulary);
  const [bos, eos] = [nameOf(tokens, ids.bos), nameOf(tokens, ids.eos)];
  const names = { bos, eos, unk: nameOf(tokens, ids.unk), pad: nameOf(tokens, ids.pad) };
  const root = bytePairsJson(vocabulary, rule);
  return openHuggingFaceTokenizer({ path, root }, settingsOf(vocabulary, names, rule.addsBos));
}

type Names = Pick<TokenizerSettings, "bos" | "eos" | "unk" | "pad">;

function settingsOf({ path, flags, stopIds, chatTemplate, toolTemplate }: WithStops, names: Names, addsBos: boolean) {
  const [addBos, addEos] = [flags.addBos ?? addsBos, flags.addEos ?? false];
  for (const [flag, name, key] of [
    [addBos, names.bos, "bos"],
    [addEos, names.eos, "eos"],
  ] as const) {
    if (!flag || typeof name === "string") continue;
    const where = `${path}: tokenizer.ggml.${key}_token_id`;
    throw new LlamaError("model", `texts have the ${key.toUpperCase()} token, but the file does not say which`, {
      where,
    });
  }
  return { ...names, addBos, addEos, stopIds, chatTemplate, toolTemplate } satisfies TokenizerSettings;
}

function nameOf(tokens: readonly string[], id: number | null | undefined): string | null {
  return typeof id === "number" ? tokens[id]! : null;
}
