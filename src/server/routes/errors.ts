/** Which answer an error leads to. Does not know where it was thrown. */
import { LlamaError } from "../../error.js";
import { ApiError, internal, invalid } from "../http/api-error.js";
import type { Exchange, Service } from "./route.js";

/** The answer for an error. One that is nobody's fault but the server's is reported, and the client gets the id only. */
export function errorOf(error: unknown, exchange: Pick<Exchange, "id">, service: Service): ApiError {
  if (error instanceof ApiError) return error;
  const { model } = service;
  model.noteFailure();
  if (model.loaded?.failure) return model.refusal!;
  // The model runs on: what it refuses to sample is due to the biases and penalties of this request.
  if (error instanceof LlamaError && ["usage", "model"].includes(error.kind)) return invalid(error.message);
  service.onBug(error, exchange.id);
  return internal(exchange.id);
}
