// The API documents of a deployment, as generators read them: every reference leads somewhere, and the
// types that come out of them are those of the functions.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { dereferenceDocument, validateOpenRPCDocument } from "@open-rpc/schema-utils-js";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Miniflare } from "miniflare";
import openapiTS, { astToString } from "openapi-typescript";
import { workerOptions } from "./worker.mjs";

const FIXTURE = new URL("fixture", import.meta.url).pathname;
const TOKEN = "the-fixtures-admin-token";
const TSC = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const folder = mkdtempSync(join(tmpdir(), "lunora-documents-"));
after(() => rmSync(folder, { recursive: true }));

let openApi, openRpc;
before(async () => {
  const quiet = { handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()) };
  const mf = new Miniflare({ ...workerOptions(FIXTURE), ...quiet });
  try {
    const get = async (kind) => {
      const headers = { authorization: `Bearer ${TOKEN}` };
      return (await mf.dispatchFetch(`http://fixture/_lunora/admin/${kind}`, { headers })).json();
    };
    openApi = await get("openapi");
    openRpc = await get("openrpc");
  } finally {
    await mf.dispose();
  }
  writeFileSync(join(folder, "api.d.ts"), astToString(await openapiTS(structuredClone(openApi))));
});

/** Every reference of a document. */
function references(node, found = []) {
  if (typeof node?.$ref === "string") found.push(node.$ref);
  if (node && typeof node === "object") Object.values(node).forEach((child) => references(child, found));
  return found;
}

/** What a reference within a document leads to. */
const at = (document, pointer) =>
  pointer.slice(2).split("/").reduce((node, key) => node?.[key.replaceAll("~1", "/").replaceAll("~0", "~")], document);

/** What the compiler says of a program that uses the generated types; nothing if it accepts it. */
function compile(program) {
  const source = `
    import type { components, paths } from "./api.js";
    type Schemas = components["schemas"];
    type Post = paths["/_lunora/rpc"]["post"];
    type Body = Post["requestBody"]["content"]["application/json"];
    type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
    const same = <A, B>(_: Equal<A, B>) => {};
    declare function rpc(body: Body): void;
    ${program}
  `;
  writeFileSync(join(folder, "program.ts"), source);
  const flags = ["--noEmit", "--strict", "--target", "ES2022", "--module", "ESNext", "--moduleResolution", "Bundler"];
  return spawnSync(process.execPath, [TSC, ...flags, join(folder, "program.ts")], { encoding: "utf8" }).stdout;
}

test("every_reference_of_a_document_leads_to_a_schema_of_it", async () => {
  for (const document of [openApi, openRpc]) {
    const all = references(document);
    assert.ok(all.length > 20);
    for (const reference of all) {
      assert.match(reference, /^#\/components\/(schemas|errors)\//);
      assert.notEqual(at(document, reference), undefined, reference);
    }
    assert.ok(!JSON.stringify(document).includes("$defs"));
  }
});

test("the_validators_accept_both_documents_with_their_references", async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(openApi));
  assert.ok(valid, JSON.stringify(errors));
  assert.equal(validator.version, "3.1");
  assert.ok(validator.resolveRefs());
  assert.equal(validateOpenRPCDocument(openRpc), true);
  // This one does not end at a type that holds itself.
  const methods = openRpc.methods.filter(({ name }) => name !== "rooms:thread");
  const schemas = Object.fromEntries(Object.entries(openRpc.components.schemas).filter(([name]) => !name.startsWith("RoomsThread")));
  const flat = await dereferenceDocument(structuredClone({ ...openRpc, methods, components: { ...openRpc.components, schemas } }));
  const send = flat.methods.find(({ name }) => name === "rooms:send");
  assert.equal(send.result.schema.items.properties.name.type, "string");
  assert.equal(send.errors.length, 7);
});

test("types_of_one_name_are_apart_and_equal_ones_are_one", () => {
  const { schemas } = openApi.components;
  assert.deepEqual(Object.keys(schemas).filter((name) => name.startsWith("Tag")), ["Tag", "Tag2"]);
  assert.deepEqual(Object.keys(schemas.Tag.properties), ["name", "weight"]);
  assert.deepEqual(Object.keys(schemas.Tag2.properties), ["colour"]);
  assert.deepEqual(Object.keys(schemas).filter((name) => name.startsWith("Lunora")),
    ["LunoraBigint", "LunoraBytes", "LunoraDate", "LunoraError"]);
});

test("arguments_of_alternatives_are_parameters_by_name", () => {
  const { params, paramStructure } = openRpc.methods.find(({ name }) => name === "rooms:thread");
  assert.equal(paramStructure, "by-name");
  assert.deepEqual(params.map(({ name, required }) => [name, required]),
    [["by", true], ["id", true], ["before", false], ["text", false]]);
  assert.deepEqual(params[1].schema.anyOf.map(({ type }) => type), ["string", "integer"]);
});

test("operations_and_methods_have_ids_of_their_own", () => {
  const ids = Object.values(openApi.paths).flatMap((path) => Object.values(path)).map(({ operationId }) => operationId);
  assert.deepEqual(ids, ["rpc", "roomsSendAt1", "roomsThreadAt1"]);
  const names = openRpc.methods.map(({ name }) => name);
  assert.deepEqual(names, ["rooms:list", "rooms:rename", "rooms:send", "rooms:thread"]);
});

test("generated_types_are_those_of_the_functions", () => {
  assert.equal(compile(`
    same<Schemas["RoomsSendCall"]["functionPath"], "rooms:send">(true);
    same<Schemas["Tag"]["name"], string>(true);
    same<Schemas["RoomsSendResult"], Schemas["Tag"][]>(true);
    same<Schemas["RoomsSendAnswer"]["result"], Schemas["Tag"][]>(true);
    same<Schemas["RoomsThreadResult"]["replies"], Schemas["RoomsThreadResult"][]>(true);
    same<Schemas["RoomsThreadResult"]["picture"], Schemas["LunoraBytes"] | null>(true);
    same<Schemas["RoomsThreadResult"]["views"], Schemas["LunoraBigint"]>(true);
    same<Post["responses"][409]["content"]["application/json"], Schemas["LunoraError"]>(true);
    const views: Schemas["LunoraBigint"] = ["$lunora.wire$", "bigint", "7"];
    const date: Schemas["LunoraDate"] = ["$lunora.wire$", "date", 7];
    rpc({ functionPath: "rooms:send", args: { text: "hello", tags: [{ name: "a", weight: { Of: 1 } }] }, shardKey: "a" });
    rpc({ functionPath: "rooms:thread", args: { by: "Text", text: "hello", id: 7 } });
    rpc({ functionPath: "rooms:list" });
    rpc({ functionPath: "rooms:list", args: { anything: true } });
  `), "");
});

for (const [why, program] of [
  ["a_wrong_field", `rpc({ functionPath: "rooms:send", args: { text: "hello", txt: "" } });`],
  ["a_wrong_type", `rpc({ functionPath: "rooms:send", args: { text: 7 } });`],
  ["a_missing_argument", `rpc({ functionPath: "rooms:send", args: {} });`],
  ["missing_arguments", `rpc({ functionPath: "rooms:send" });`],
  ["an_unknown_function", `rpc({ functionPath: "rooms:sent", args: { text: "hello" } });`],
  ["an_alternative_of_another_tag", `rpc({ functionPath: "rooms:thread", args: { by: "Id", id: 7 } });`],
  ["a_number_as_a_big_integer", `const views: Schemas["LunoraBigint"] = 7;`],
  ["a_date_in_the_place_of_bytes", `const date: Schemas["LunoraBytes"] = ["$lunora.wire$", "date", 7];`],
]) {
  test(`generated_types_refuse_${why}`, () => assert.match(compile(program), /error TS2/));
}

test("a_function_behind_plain_http_is_a_path_with_its_own_arguments", () => {
  const thread = openApi.paths["/rooms/{shardKey}/threads/{id}"].get;
  assert.deepEqual(thread.parameters.map(({ name, in: place, required }) => [name, place, required]),
    [["shardKey", "path", true], ["id", "path", true], ["before", "query", false], ["by", "query", true], ["text", "query", false]]);
  const said = openApi.paths["/rooms/{shardKey}/said"].put;
  assert.deepEqual(said.parameters.map(({ name }) => name), ["shardKey"]);
  assert.equal(said.requestBody.content["application/json"].schema.type, "object");
  const answer = at(openApi, thread.responses["200"].content["application/json"].schema.anyOf[0].$ref);
  assert.equal(answer.type, "object");
});
