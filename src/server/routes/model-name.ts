/** The name of the model in requests and answers. Does not know files. */
import { createHash } from "node:crypto";
import { ApiError } from "../http/api-error.js";
import type { ServeSettings } from "../serving/serve-settings.js";
import type { ServerModel } from "../serving/server-model.js";

/** Throws ApiError for the name of another model; absent or empty is this one. */
export function checkModel(name: string | undefined, { names }: Pick<ServeSettings, "names">): void {
  if (!name || names.includes(name) || names.includes("*")) return;
  const message = `This server runs ${names[0]}, and no other model; more names can be given to it when it starts`;
  throw new ApiError({ status: 404, code: "model_not_found", message, param: "model" });
}

/** The name in ollama's form, with a tag. */
export function taggedName({ names: [name = ""] }: Pick<ServeSettings, "names">): string {
  return name.includes(":") ? name : `${name}:latest`;
}

/** As checkModel(), for names with or without the tag `latest`. */
export function checkTaggedModel(name: string | undefined, settings: Pick<ServeSettings, "names">): void {
  const plain = name?.replace(/:latest$/, "");
  const isKnown = !plain || settings.names.some((one) => ["*", name, plain, `${plain}:latest`].includes(one));
  if (isKnown) return;
  const message = `model '${name}' not found: this server runs ${taggedName(settings)}, and no other model`;
  throw new ApiError({ status: 404, code: "model_not_found", message, param: "model" });
}

/** SHA-256 of what makes the model and its numbers. */
export function modelDigest(llama: ServerModel, { names, version }: ServeSettings): string {
  const { dtype, worldSize, parameterCount } = llama;
  const identity = [names[0], parameterCount, dtype, worldSize, version].join(" ");
  return createHash("sha256").update(identity).digest("hex");
}

/** Changes whenever the same seed may give another text. */
export function fingerprint(llama: ServerModel, settings: ServeSettings): string {
  return `fp_${modelDigest(llama, settings).slice(0, 12)}`;
}
