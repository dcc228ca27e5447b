/** ollama's routes about the model: /api/version, /api/tags, /api/ps, /api/show. */
import { OLLAMA_MODELS, OLLAMA_SHOWN, OLLAMA_VERSION } from "../schema/ollama-answers.js";
import { SHOW_REQUEST, type ShowRequest } from "../schema/ollama-requests.js";
import type { ServerModel } from "../serving/server-model.js";
import { checkTaggedModel, modelDigest, taggedName } from "./model-name.js";
import type { Route, Service } from "./route.js";

/** Whether errors of a path have ollama's form. */
export function isOllama(path: string): boolean {
  return path.startsWith("/api/");
}

/** The model does not go: a time that clients read as never. */
const NEVER = "9999-12-31T23:59:59Z";

const version: Route = {
  method: "GET",
  path: "/api/version",
  summary: "The version of this server; ollama's form.",
  answers: OLLAMA_VERSION,
  answer: (_, { settings }) => ({ json: { version: settings.version } }),
};

const tags: Route = {
  method: "GET",
  path: "/api/tags",
  summary: "The model; ollama's form.",
  answers: OLLAMA_MODELS,
  answer: (_, service) => ({ json: { models: [describe(service)] } }),
};

const running: Route = {
  method: "GET",
  path: "/api/ps",
  summary: "The model, which is always loaded; ollama's form.",
  answers: OLLAMA_MODELS,
  answer(_, service) {
    const { maxSeqLen, load } = service.model.ready;
    const size = load.reduce((sum, { memory }) => sum + memory, 0);
    const more = { size, size_vram: 0, expires_at: NEVER, context_length: maxSeqLen };
    return { json: { models: [{ ...describe(service), ...more }] } };
  },
};

const show: Route = {
  method: "POST",
  path: "/api/show",
  summary: "What the model is; ollama's form.",
  schema: SHOW_REQUEST,
  answers: OLLAMA_SHOWN,
  answer({ body }, { model, settings }) {
    const llama = model.ready;
    const { model: name, name: oldName } = body as ShowRequest;
    checkTaggedModel(name ?? oldName, settings);
    const { temperature, topP, topK, minP, repetitionPenalty, stop = [] } = settings.sampling;
    const numbers = { temperature, top_p: topP, top_k: topK, min_p: minP, repeat_penalty: repetitionPenalty };
    const values = Object.entries({ num_ctx: llama.maxSeqLen, ...numbers }).filter(([, value]) => value !== undefined);
    const stops = [stop].flat().map((one) => ["stop", JSON.stringify(one)] as const);
    const parameters = [...values, ...stops].map(([key, value]) => `${key.padEnd(30)} ${value}`).join("\n");
    return {
      json: {
        ...{ modelfile: `# Served by llama-ts\nFROM ${taggedName(settings)}`, parameters },
        ...{ template: llama.tokenizer.chatTemplate ?? "", details: detailsOf(llama), model_info: infoOf(llama) },
        ...{
          capabilities: ["completion", ...(llama.hasTools(settings.chat) ? ["tools"] : [])],
          modified_at: writtenAt(settings.created),
        },
      },
    };
  },
};

function describe({ model, settings }: Service) {
  const llama = model.ready;
  const name = taggedName(settings);
  const size = llama.load.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
  const digest = modelDigest(llama, settings);
  return { name, model: name, modified_at: writtenAt(settings.created), size, digest, details: detailsOf(llama) };
}

function writtenAt(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

/** What the weights in memory are; the kinds of files are ollama's own. */
function detailsOf({ parameterCount: count, dtype, tokenizer }: ServerModel) {
  const [unit, letter] = count >= 1e9 ? [1e9, "B"] : count >= 1e6 ? [1e6, "M"] : [1e3, "K"];
  return {
    ...{ parent_model: "", format: tokenizer.kind === "gguf" ? "gguf" : "", family: "llama", families: ["llama"] },
    ...{ parameter_size: `${(count / unit).toFixed(1)}${letter}`, quantization_level: dtype.toUpperCase() },
  };
}

function infoOf({ config, tokenizer, parameterCount, maxSeqLen }: ServerModel): Record<string, unknown> {
  return {
    "general.architecture": "llama",
    "general.parameter_count": parameterCount,
    "llama.context_length": maxSeqLen,
    "llama.embedding_length": config.dim,
    "llama.block_count": config.nLayers,
    "llama.attention.head_count": config.nHeads,
    "llama.attention.head_count_kv": config.nKvHeads,
    "llama.vocab_size": config.vocabSize,
    "tokenizer.ggml.bos_token_id": tokenizer.bosId,
    "tokenizer.ggml.eos_token_id": tokenizer.eosId,
  };
}

export const ollamaModel: readonly Route[] = [version, tags, running, show];
