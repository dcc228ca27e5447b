/** The name of the model in requests and answers. Does not know files. */
import { createHash } from "node:crypto";
import type { Llama } from "../../index.js";
import { ApiError } from "../http/api-error.js";
import type { ServeSettings } from "../serving/serve-settings.js";

/** Throws ApiError for the name of another model; absent or empty is this one. */
export function checkModel(name: string | undefined, { names }: Pick<ServeSettings, "names">): void {
  if (!name || names.includes(name) || names.includes("*")) return;
  const message = `This server runs ${names[0]}, and no other model; --model_alias gives it more names`;
  throw new ApiError({ status: 404, code: "model_not_found", message, param: "model" });
}

/** Changes whenever the same seed may give another text. */
export function fingerprint(llama: Llama, { names, version }: ServeSettings): string {
  const { dtype, worldSize, parameterCount } = llama;
  const identity = [names[0], parameterCount, dtype, worldSize, version].join(" ");
  return `fp_${createHash("sha256").update(identity).digest("hex").slice(0, 12)}`;
}
