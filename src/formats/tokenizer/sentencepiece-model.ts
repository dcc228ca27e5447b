/** Reads a SentencePiece tokenizer.model (protobuf ModelProto, sentencepiece_model.proto). Knows its pieces and flags; does not know how text is encoded. */
import { LlamaError } from "../../error.js";
import { quoted } from "../files/quoted.js";
import { ProtobufFields } from "../protobuf/protobuf-fields.js";
import type { TokenizerFile } from "./tokenizer-file.js";

const MODEL_TYPES = ["", "unigram", "BPE", "word", "character"];
const DEFAULT_MODEL_TYPE = 1;
const BPE = 2;

/** In the order of sentencepiece_model.proto, SentencePiece.Type, which starts at 1. */
export const PIECE_TYPES = ["normal", "unknown", "control", "user-defined", "unused", "byte"] as const;
export type PieceType = (typeof PIECE_TYPES)[number];

export interface Piece {
  readonly piece: string;
  readonly score: number;
  readonly type: PieceType;
}

export interface SentencePieceModel {
  /** The position of a piece is its token id. */
  readonly pieces: readonly Piece[];
  readonly unkId: number;
  readonly bosId: number;
  readonly eosId: number;
  /** -1 if the model has no padding token, as Meta's models. */
  readonly padId: number;
  readonly byteFallback: boolean;
  /** What an unknown piece decodes to. */
  readonly unkSurface: string;
  readonly addDummyPrefix: boolean;
  readonly removeExtraWhitespaces: boolean;
  readonly escapeWhitespaces: boolean;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Draft = Mutable<SentencePieceModel> & { pieces: Piece[]; modelType: number; unsupported?: string };

/** Reads and checks a model file; only BPE models are accepted. */
export function readSentencePieceModel({ path, kind, bytes }: TokenizerFile): SentencePieceModel {
  if (kind !== "sentencepiece") throw notAModel(path, kind === "json" ? "JSON" : "lines of base64 and rank (tiktoken)");
  // The defaults are those of sentencepiece_model.proto.
  const draft: Draft = {
    pieces: [],
    unkId: 0,
    bosId: 1,
    eosId: 2,
    padId: -1,
    byteFallback: false,
    unkSurface: " \u2047 ",
    addDummyPrefix: true,
    removeExtraWhitespaces: true,
    escapeWhitespaces: true,
    modelType: DEFAULT_MODEL_TYPE,
  };
  try {
    new ProtobufFields(bytes).each((field) => readModel(field, draft));
  } catch (cause) {
    throw notAModel(path, (cause as Error).message, cause);
  }
  const { modelType, unsupported, ...model } = draft;
  if (model.pieces.length === 0) throw notAModel(path, "no pieces");
  if (modelType !== BPE) {
    const name = MODEL_TYPES[modelType] ?? `type ${modelType}`;
    throw new LlamaError("model", `${name} SentencePiece models are not supported`, {
      where: path,
      expected: "a BPE model",
      found: name,
      fix: "Use the tokenizer.model that belongs to the LLaMA checkpoint",
    });
  }
  if (unsupported !== undefined) {
    throw new LlamaError("model", `SentencePiece models with ${unsupported} are not supported`, { where: path });
  }
  checkPieces(model, path);
  return model;
}

function notAModel(path: string, found: string, cause?: unknown): LlamaError {
  const fix = "Copy or download the file again";
  return new LlamaError("model", "is not a SentencePiece model", { where: path, found, fix, cause });
}

function readModel(field: ProtobufFields, draft: Draft): void {
  if (field.no === 1) draft.pieces.push(readPiece(field));
  else if (field.no === 2) field.message(() => readTrainerSpec(field, draft));
  else if (field.no === 3) field.message(() => readNormalizerSpec(field, draft));
  else if (field.no === 5) field.message(() => readDenormalizerSpec(field, draft));
}

function readPiece(field: ProtobufFields): Piece {
  let piece = "";
  let score = 0;
  let type: PieceType = "normal";
  field.message(() => {
    if (field.no === 1) piece = field.text();
    else if (field.no === 2) score = field.float();
    else if (field.no === 3) type = pieceType(field.int());
  });
  return { piece, score, type };
}

function pieceType(value: number): PieceType {
  const type = PIECE_TYPES[value - 1];
  if (type === undefined) throw new Error(`piece type ${value}`);
  return type;
}

function readTrainerSpec(field: ProtobufFields, draft: Draft): void {
  if (field.no === 3) draft.modelType = field.int();
  else if (field.no === 24 && field.bool()) draft.unsupported = "whitespace as a suffix";
  else if (field.no === 35) draft.byteFallback = field.bool();
  else if (field.no === 40) draft.unkId = field.int();
  else if (field.no === 41) draft.bosId = field.int();
  else if (field.no === 42) draft.eosId = field.int();
  else if (field.no === 43) draft.padId = field.int();
  else if (field.no === 44) draft.unkSurface = field.text();
}

function readNormalizerSpec(field: ProtobufFields, draft: Draft): void {
  if (field.no === 3) draft.addDummyPrefix = field.bool();
  else if (field.no === 4) draft.removeExtraWhitespaces = field.bool();
  else if (field.no === 5) draft.escapeWhitespaces = field.bool();
}

function readDenormalizerSpec(field: ProtobufFields, draft: Draft): void {
  if (field.no === 2 && field.bytes().length > 0) draft.unsupported = "a denormalizer";
}

/** Checks what SentencePiece itself requires of the pieces, so that a model read here also loads there. */
function checkPieces(model: SentencePieceModel, path: string): void {
  const { pieces } = model;
  const fail = (problem: string): never => {
    throw new LlamaError("model", problem, { where: path, fix: "The file is damaged: copy or download it again" });
  };
  const seen = new Set<string>();
  let unknown = 0;
  let bytes = 0;
  for (let id = 0; id < pieces.length; id++) {
    const { piece, type, score } = pieces[id]!;
    if (piece === "") fail(`piece ${id} is empty`);
    if (seen.has(piece)) fail(`piece ${id} occurs twice: ${quoted(piece)}`);
    if (Number.isNaN(score)) fail(`the score of piece ${id} is not a number`);
    seen.add(piece);
    if (type === "unknown") unknown++;
    if (type !== "byte") continue;
    bytes++;
    if (!/^<0x[0-9A-F]{2}>$/.test(piece)) fail(`byte piece ${id} is ${quoted(piece)}`);
  }
  if (unknown !== 1) fail(`has ${unknown} unknown pieces instead of 1`);
  if (bytes !== (model.byteFallback ? 256 : 0)) {
    fail(`has ${bytes} byte pieces, but byte_fallback is ${model.byteFallback}`);
  }
  for (const [name, id] of [
    ["BOS", model.bosId],
    ["EOS", model.eosId],
  ] as const) {
    if (pieces[id]?.type !== "control") fail(`the ${name} id ${id} is not a control piece`);
  }
}
