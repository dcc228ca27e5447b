/** The error for a file that cannot be opened, read or written: the reason in words. Does not know what the file is for. */
import { type ErrorKind, LlamaError } from "../../error.js";

/** `cause`: the error of node:fs. `doing`: what was tried. `fix`: what the user can do about it. */
export function fileError(
  path: string,
  cause: unknown,
  kind: ErrorKind,
  { doing = "read", fix }: { doing?: "read" | "written"; fix?: string } = {},
): LlamaError {
  const { code, message } = cause as NodeJS.ErrnoException;
  let problem = `cannot be ${doing}: ${message}`;
  // Before a file is written it need not exist, but its folder must.
  if (code === "ENOENT") problem = doing === "read" ? "no such file" : "no such folder";
  if (code === "EISDIR") problem = "is a folder";
  return new LlamaError(kind, problem, { where: path, cause, ...(fix !== undefined && { fix }) });
}
