// The types of dist/, as an application sees them.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const tools = createRequire(new URL("../../../e2e/package.json", import.meta.url));

test("references_type_arguments_and_results_and_strings_stay_untyped", () => {
  const project = fileURLToPath(new URL("../types", import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, [tools.resolve("typescript/bin/tsc"), "-p", project], { encoding: "utf8" });
  assert.equal(status, 0, stdout);
});
