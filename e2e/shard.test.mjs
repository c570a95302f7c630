// Typed functions on workerd: what the value codec reads and writes there.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Miniflare } from "miniflare";
import { workerOptions } from "./worker.mjs";

let mf;
before(() => {
  mf = new Miniflare(workerOptions(new URL("drill", import.meta.url).pathname));
});
after(() => mf.dispose());

async function echo(value) {
  const body = `{"functionPath":"drill:echo","args":{"value":${value}}}`;
  const response = await mf.dispatchFetch("http://drill/_lunora/rpc", { method: "POST", body });
  return { status: response.status, text: await response.text() };
}

const tagged = (kind, payload) => `["$lunora.wire$","${kind}",${payload}]`;

test("values of the wire come back as they are written", async () => {
  for (const value of [
    "null", "1.5", "1e+21", '"ü\u2028"', '{"b":1,"a":[true]}',
    tagged("bigint", '"-170141183460469231731687303715884105729"'),
    tagged("date", "1700000000000"),
    tagged("url", '"https://example.com/b?c#d"'),
    tagged("map", `[["k",${tagged("bigint", '"1"')}]]`),
    tagged("set", "[1,2]"),
  ]) {
    const { status, text } = await echo(value);
    assert.equal(status, 200, `${value}: ${text}`);
    assert.equal(JSON.stringify(JSON.parse(text)), JSON.stringify({ result: JSON.parse(value) }), value);
  }
});

test("numbers that JavaScript would round leave and return by their tags", async () => {
  const beyond = async (n) => {
    const body = `{"functionPath":"drill:beyond","args":{"n":${n}}}`;
    return JSON.parse(await (await mf.dispatchFetch("http://drill/_lunora/rpc", { method: "POST", body })).text()).result;
  };
  const nan = ["$lunora.wire$", "nan"];
  assert.deepEqual(await beyond("7"), [8, nan]);
  const [first] = await beyond("9007199254740991");
  assert.deepEqual(first, ["$lunora.wire$", "bigint", "9007199254740992"]);
  assert.deepEqual(await beyond(JSON.stringify(first)), [["$lunora.wire$", "bigint", "9007199254740993"], nan]);
});

test("the runtime's own parser reads URLs, and refuses invalid ones", async () => {
  const { text } = await echo(tagged("url", '"HTTPS://bücher.example:443/a/../b"'));
  assert.equal(JSON.parse(text).result[2], "https://xn--bcher-kva.example/b");
  const refused = await echo(tagged("url", '"no url"'));
  assert.equal(refused.status, 400, refused.text);
  assert.equal(JSON.parse(refused.text).error.code, "VALIDATION_ERROR");
});
