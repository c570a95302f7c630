import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_BYTES, size, stale } from "../scripts/build.mjs";

test("dist_is_what_the_sources_build", () => assert.deepEqual(stale(), []));

test("the_main_entry_fits_its_limit", () => assert.ok(size() <= MAX_BYTES, `${size()} bytes`));
