/** llama-ts as a library: the class Llama, and every type that its methods name. */
export type { CacheUse } from "./engine/cache-use.js";
export type { LoadReport } from "./engine/protocol.js";
export type { RankTimes } from "./engine/rank-clock.js";
export { type ErrorDetails, type ErrorKind, type FailurePlace, LlamaError, RankError } from "./error.js";
export type { BatchAnswer, BatchOptions, BatchRequest, BatchRequestOptions } from "./generation/batch.js";
export type { BuildOptions } from "./generation/build-options.js";
export type { ChatFormat, ChatName } from "./generation/chat-format.js";
export {
  Conversation,
  type ConversationOptions,
  type Turn,
  type TurnEvent,
  type TurnOptions,
  type TurnStats,
} from "./generation/conversation.js";
export type { Detokenizer } from "./generation/detokenizer.js";
export type { ChatPrediction, Dialog, Message, Role } from "./generation/dialog.js";
export type { KeptSequence } from "./generation/generate.js";
export { Llama } from "./generation/llama.js";
export { encodeLong } from "./generation/long-text.js";
export type { FinishReason, GenerateOptions, SamplingOptions } from "./generation/options.js";
export type { PerplexityOptions } from "./generation/perplexity.js";
export type {
  BatchCompletion,
  Completion,
  CompletionPrediction,
  GenerateResult,
  StreamEvent,
} from "./generation/results.js";
export type { FeedOptions, Refused, Requests } from "./generation/row-feed.js";
export type { Score, ScoreAnswer, ScoredPair, ScoredToken, ScoreRequest } from "./generation/score.js";
export type { CacheRestore, LoadedConversation, SaveOptions } from "./generation/session-file.js";
export { GenerationStats, type Timings } from "./generation/stats.js";
export type { TokenLogprob } from "./generation/token-scores.js";
export type { EncodeOptions, Tokenizer, Vocabulary } from "./generation/tokenizer.js";
export type { ComputeType } from "./model/compute-type.js";
export type { ModelConfig, RopeScaling } from "./model/config.js";
export type { DifferingReplica } from "./model/replicas.js";
