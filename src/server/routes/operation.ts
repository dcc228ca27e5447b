/** The routes for those who run the server: health, properties, metrics, and the model's own description. */
import { ApiError } from "../http/api-error.js";
import { MODEL, MODELS, SLOTS, STATUS } from "../schema/answers.js";
import { openApi } from "../schema/openapi.js";
import type { Route, Service } from "./route.js";

const health = (path: string): Route => ({
  method: "GET",
  path,
  isOpen: () => true,
  summary: "Whether the model takes requests.",
  answers: STATUS,
  answer(_, { model }) {
    const { refusal } = model;
    if (!refusal) return { json: { status: "ok" } };
    const { body, status, headers, message } = refusal;
    const { code } = body.error as { code: string };
    const more = { progress: code === "loading" ? model.progress : undefined };
    throw new ApiError({ status, type: "server_error", code, message, headers, more });
  },
});

const live: Route = {
  method: "GET",
  path: "/livez",
  isOpen: () => true,
  summary: "Whether the process answers.",
  answers: STATUS,
  answer: () => ({ json: { status: "ok" } }),
};

function describe({ settings, model }: Service) {
  const { config, tokenizer, maxSeqLen, parameterCount, load } = model.ready;
  const meta = {
    ...{
      n_ctx_train: config.contextLength,
      n_vocab: tokenizer.vocabSize,
      n_embd: config.dim,
      n_params: parameterCount,
      size: load.reduce((sum, { bytesRead }) => sum + bytesRead, 0),
    },
  };
  const created = settings.created;
  const [id] = settings.names;
  return { id, object: "model", created, owned_by: "llama-ts", max_model_len: maxSeqLen, meta };
}

const models = (path: string): Route => ({
  method: "GET",
  path,
  summary: "The model.",
  answers: MODELS,
  answer: (_, service) => ({ json: { object: "list", data: [describe(service)] } }),
});

const oneModel = (path: string): Route => ({
  method: "GET",
  path,
  summary: "The model by its name.",
  answers: MODEL,
  answer({ params }, service) {
    const { names } = service.settings;
    if (names.includes(params.id!) || names.includes("*")) return { json: describe(service) };
    const message = `This server runs ${names[0]}, and no other model`;
    throw new ApiError({ status: 404, code: "model_not_found", message, param: "model" });
  },
});

const metrics: Route = {
  method: "GET",
  path: "/metrics",
  isOpen: ({ settings }) => settings.metricsPublic,
  summary: "Counts and times, in the text format of Prometheus.",
  textType: "text/plain",
  answer(_, { metrics, model, admission, settings }) {
    const text = metrics.text(model, admission, settings);
    return { text, type: "text/plain; version=0.0.4; charset=utf-8" };
  },
};

const slots: Route = {
  method: "GET",
  path: "/slots",
  summary: "The choices that wait and run, with counts and times, never texts.",
  answers: SLOTS,
  answer(_, { model, admission }) {
    const { maxSeqLen } = model.ready;
    const now = performance.now();
    const rows = admission.choices.map(({ id, state, since, prompt, cached, done, predicted }) => ({
      ...{ id, state, n_ctx: maxSeqLen, n_prompt: prompt, n_cached: cached, n_done: done, n_predicted: predicted },
      age_ms: Math.round(now - since),
    }));
    return { json: rows };
  },
};

/** /openapi.json, which describes all routes. */
export function documentRoute(routes: () => readonly Route[]): Route {
  return {
    method: "GET",
    path: "/openapi.json",
    summary: "This document.",
    answer(_, service) {
      const { settings, access, model } = service;
      const documented = routes().map((route) => ({ ...route, needsKey: !(route.isOpen?.(service) ?? false) }));
      return { json: openApi(documented, settings.version, access.needsKey, model.loaded?.config.vocabSize ?? null) };
    },
  };
}

/** /props, which lists all routes. */
export function propsRoute(routes: () => readonly Route[]): Route {
  return {
    method: "GET",
    path: "/props",
    summary: "Defaults and limits of the server.",
    answer(_, { model, settings }) {
      const llama = model.ready;
      const { sampling, names, concurrency, maxChoices, maxGenLen, version } = settings;
      const { temperature, topP, topK, minP, repetitionPenalty, presencePenalty, frequencyPenalty, stop, seed } =
        sampling;
      const params = {
        ...{ temperature, top_p: topP, top_k: topK, min_p: minP, repetition_penalty: repetitionPenalty },
        ...{ presence_penalty: presencePenalty, frequency_penalty: frequencyPenalty, stop: stop ?? [] },
        ...{ seed: seed ?? null, max_gen_len: maxGenLen, max_choices: maxChoices },
      };
      const chat =
        settings.chat === "auto" ? llama.chatName : typeof settings.chat === "object" ? "template" : settings.chat;
      return {
        json: {
          default_generation_settings: { n_ctx: llama.maxSeqLen, params },
          ...{ total_slots: concurrency, model_path: names[0], chat_format: chat },
          build_info: { version, dtype: llama.dtype, ranks: llama.worldSize },
          deterministic: llama.dtype === "fp32",
          endpoints: routes().map(({ method, path }) => `${method} ${path}`),
        },
      };
    },
  };
}

export const operationRoutes: readonly Route[] = [
  ...[health("/health"), health("/v1/health"), live],
  ...[models("/v1/models"), models("/models"), oneModel("/v1/models/:id"), oneModel("/models/:id"), metrics, slots],
];
