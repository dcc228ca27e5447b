/** Every block of docs/serve.md is run as it stands against a real server, and prints what it shows. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { run } from "../cli/cli-process.js";
import { blocksOf, examplesOf } from "../documents/blocks.js";
import { startServer } from "./server-process.js";

const PORT = /(localhost|127\.0\.0\.1):8080/g;
const { code } = await run("sh", ["-c", "curl --help all | grep -q -e --json && jq --version"]);
const skip = code !== 0 && "curl 7.82 or jq is not here";

const args = ["--temperature", "0", "--log_format", "none", "--nproc_per_node", "1"];
const server = skip ? null : await startServer(args);

describe("docs/serve.md", { skip }, () => {
  for (const block of blocksOf("docs/serve.md").filter(({ language }) => language === "console")) {
    for (const { command, shown } of examplesOf(block)) {
      test(command, async () => {
        if (command.startsWith("llama-ts serve")) {
          return assert.equal(server!.stderr().replace(/(127\.0\.0\.1):\d+/g, "$1:8080"), shown);
        }
        const { stdout } = await run("sh", ["-c", command.replace(PORT, `$1:${server!.port}`)]);
        // An answer has no newline at its end.
        assert.equal(stdout.replace(/\n?$/, "\n"), shown);
      });
    }
  }
});
