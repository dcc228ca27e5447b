/** llama-ts as a library: the class Llama, and every type that its methods name. */

export type { RankTimes } from "./engine/host/rank-times.js";
export type { LoadReport } from "./engine/shared/messages.js";
export type { CacheOutcome } from "./engine/weight-cache/cache-plan.js";
export { type ErrorDetails, type ErrorKind, type FailurePlace, LlamaError, RankError } from "./error.js";
export type { ChatChoice, ChatFormat, ChatName } from "./generation/chat/chat-format.js";
export type { ChatPrediction, Dialog, DialogInput, Message, Role, TextPart } from "./generation/chat/dialog.js";
export type { DialogEnding } from "./generation/chat/dialog-ending.js";
export type { BatchAnswer, BatchOptions, BatchRequest, BatchRequestOptions } from "./generation/completion/batch.js";
export type { ChatPrompt, Prompt } from "./generation/completion/encode-prompt.js";
export type { DialogOptions } from "./generation/completion/meta-generate.js";
export type {
  BatchCompletion,
  Completion,
  CompletionPrediction,
  GenerateResult,
  StreamEvent,
} from "./generation/completion/results.js";
export type { CompletionEvent, RequestOptions } from "./generation/completion/submit.js";
export type { TokenLogprob } from "./generation/completion/token-logprobs.js";
export {
  Conversation,
  type ConversationOptions,
  type Turn,
  type TurnEvent,
  type TurnOptions,
  type TurnStats,
} from "./generation/conversation/conversation.js";
export type { CacheRestore, LoadedConversation, SaveOptions } from "./generation/conversation/conversation-file.js";
export type { Form, Tag, TagFormat } from "./generation/form/form.js";
export { Llama } from "./generation/llama.js";
export type { BuildOptions } from "./generation/loading/build-options.js";
export { demoModel } from "./generation/loading/demo-model.js";
export type { ModelFiles } from "./generation/loading/open-model.js";
export type { FinishReason, GenerateOptions, SamplingOptions } from "./generation/sampling/options.js";
export type { FeedOptions, Refused, Requests } from "./generation/scheduling/in-flight.js";
export type { LimitOptions } from "./generation/scheduling/request-limits.js";
export { GenerationStats, type Timings } from "./generation/scheduling/stats.js";
export type { PerplexityOptions } from "./generation/scoring/perplexity.js";
export type { Score, ScoreAnswer, ScoredPair, ScoredToken, ScoreRequest } from "./generation/scoring/score.js";
export type { AnswerPart, CallReader } from "./generation/tools/call-reader.js";
export type { Tool, ToolCall, ToolChoice, ToolInput } from "./generation/tools/tool.js";
export type { ToolUse, ToolUseOptions } from "./generation/tools/tool-use.js";
export type { ComputeType } from "./model/architecture/compute-type.js";
export type { DifferingReplica } from "./model/checkpoint/replicas.js";
export type { ModelConfig, RopeScaling, Rotation, StoredFormat, Variation } from "./model/config/config.js";
export type { Detokenizer } from "./tokenizer/decoding/detokenizer.js";
export { encodeLong } from "./tokenizer/encoding/long-text.js";
export type { EncodeOptions, Tokenizer, Vocabulary } from "./tokenizer/tokenizer.js";
