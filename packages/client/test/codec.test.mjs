import assert from "node:assert/strict";
import { test } from "node:test";
import { LunoraError, decode, encode } from "../dist/index.js";

const TAG = "$lunora.wire$";
const isInvalid = (error) => error instanceof LunoraError && error.code === "WIRE_INVALID";
const travel = (value) => decode(JSON.parse(JSON.stringify(encode(value))));

test("leaves_plain_json_as_it_is", () => {
  for (const value of [null, true, "text", 1.5, [1, [2]], { a: { b: [] } }]) assert.deepEqual(encode(value), value);
});

test("tags_what_json_cannot_hold", () => {
  for (const [value, wire] of [
    [12n, [TAG, "bigint", "12"]], [NaN, [TAG, "nan"]], [Infinity, [TAG, "inf"]], [-Infinity, [TAG, "-inf"]],
    [undefined, [TAG, "undefined"]], [[undefined], [[TAG, "undefined"]]], [new Date(5), [TAG, "date", 5]],
    [new URL("https://a.example/"), [TAG, "url", "https://a.example/"]],
    [new Map([["k", 1n]]), [TAG, "map", [["k", [TAG, "bigint", "1"]]]]], [new Set([1, 2]), [TAG, "set", [1, 2]]],
    [new Uint8Array([1, 2, 3]), [TAG, "bytes", "AQID"]], [new Uint8Array([1]).buffer, [TAG, "bytes", "AQ==", "ArrayBuffer"]],
    [new Int16Array([1]), [TAG, "bytes", "AQA=", "Int16Array"]], [[TAG, "nan"], [TAG, "arr", [TAG, "nan"]]], [[TAG], [TAG, "arr", [TAG]]],
  ]) {
    assert.deepEqual(encode(value), wire);
    assert.deepEqual(travel(value), value);
  }
  assert.deepEqual(encode(new Date(NaN)), [TAG, "date", [TAG, "nan"]]);
  assert.equal(travel(new Date(NaN)).getTime(), NaN);
});

test("drops_undefined_fields_and_keeps_proto_as_data", () => {
  assert.deepEqual(encode({ a: undefined, b: 1 }), { b: 1 });
  const value = travel(JSON.parse('{"__proto__":{"x":1}}'));
  assert.equal(Object.hasOwn(value, "__proto__"), true);
  assert.equal(value.x, undefined);
});

test("carries_errors_with_fields_and_cause", () => {
  const error = travel(Object.assign(new TypeError("no", { cause: 7n }), { code: "X" }));
  assert.deepEqual([error.name, error.message, error.cause, error.code], ["TypeError", "no", 7n, "X"]);
});

test("decodes_an_unknown_tag_as_an_array_and_an_unknown_constructor_as_bytes", () => {
  assert.deepEqual(decode([TAG, "later", 1]), [TAG, "later", 1]);
  assert.deepEqual(decode([TAG, "bytes", "AQ==", "Later"]), new Uint8Array([1]));
});

test("refuses_invalid_values_in_both_directions", () => {
  for (const wire of [
    [TAG, "bigint", "1x"], [TAG, "bigint", "1".repeat(1025)], [TAG, "date", "now"], [TAG, "url", "/path"], [TAG, "map", [[1]]],
    [TAG, "map", 1], [TAG, "set", {}], [TAG, "bytes", "A"], [TAG, "bytes", "AR=="], [TAG, "bytes", "AQ==", "Int16Array"], [TAG, "error", "E", "m"],
    [TAG, "error", 1, "m", {}],
  ]) assert.throws(() => decode(wire), isInvalid, JSON.stringify(wire));
  for (const value of [() => {}, Symbol("s"), new (class A {})(), 10n ** 1024n]) assert.throws(() => encode(value), isInvalid);
});

test("limits_the_depth_to_64", () => {
  const nested = (levels) => Array.from({ length: levels }).reduce((inner) => [inner], 1);
  assert.deepEqual(decode(encode(nested(64))), nested(64));
  assert.throws(() => encode(nested(65)), isInvalid);
  assert.throws(() => decode(nested(65)), isInvalid);
});
