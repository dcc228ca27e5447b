/** `eval report`: writes outputs as one page with tables and pictures. */
import { readOutput } from "../../../evaluation/compare/read-output.js";
import { reportPage as page } from "../../../evaluation/report/page.js";
import { AtomicFile } from "../../../formats/files/atomic-file.js";
import { EXIT_OK } from "../../terminal/exit-code.js";
import { Output } from "../../terminal/output.js";

/** Runs the command and returns the exit code. */
export async function reportPage(paths: readonly string[], { output }: { output: string }): Promise<number> {
  const text = page(paths.map(readOutput));
  if (output === "-") await new Output(process.stdout, () => {}).write(text);
  else {
    const file = await AtomicFile.create(output);
    await file.write(text);
    await file.finish();
  }
  return EXIT_OK;
}
