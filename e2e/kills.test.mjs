// The short form of `cargo xtask kills`: a fixed seed determines the operations and what part of each is done
// when workerd dies.
import assert from "node:assert/strict";
import { test } from "node:test";
import { kills } from "./kills.mjs";

test("rows and snapshots survive a workerd that is killed in the middle of what it does", { timeout: 120_000 }, async () => {
  const counts = await kills({ runs: 8, seed: 6, rows: [6] });
  assert.ok(counts["new snapshots"] > 5, JSON.stringify(counts));
});
