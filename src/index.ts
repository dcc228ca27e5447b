/** llama-ts as a library. */
export type { LoadReport } from "./engine/protocol.js";
export { type ErrorDetails, type ErrorKind, LlamaError } from "./error.js";
export type { BatchAnswer, BatchOptions, BatchRequest, BatchRequestOptions } from "./generation/batch.js";
export type { BuildOptions } from "./generation/build-options.js";
export type { ChatName } from "./generation/chat-format.js";
export {
  Conversation,
  type ConversationOptions,
  type Turn,
  type TurnEvent,
  type TurnStats,
} from "./generation/conversation.js";
export type { Detokenizer } from "./generation/detokenizer.js";
export type { ChatPrediction, Dialog, Message, Role } from "./generation/dialog.js";
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
export type { FeedOptions, Refused } from "./generation/row-feed.js";
export type { Score, ScoreAnswer, ScoredPair, ScoredToken, ScoreRequest } from "./generation/score.js";
export type { CacheRestore, LoadedConversation, SaveOptions } from "./generation/session-file.js";
export { GenerationStats, type Timings } from "./generation/stats.js";
export type { TokenLogprob } from "./generation/token-scores.js";
export type { Tokenizer } from "./generation/tokenizer.js";
export type { ModelConfig } from "./model/config.js";
