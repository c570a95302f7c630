// The types of `lunora codegen client`: from the functions of the chat to a program that calls them.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

const at = (path) => new URL(path, import.meta.url).pathname;
const CHAT = at("../examples/chat");
const CLIENT = at("../packages/client/dist");
const TSC = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const LUNORA = join(process.env.CARGO_TARGET_DIR ?? at("../target"), "debug/lunora");
const folder = mkdtempSync(join(tmpdir(), "lunora-types-"));
after(() => rmSync(folder, { recursive: true }));

const PROGRAM = `
import { LunoraClient } from "lunora-client";
import { paginate } from "lunora-client/pages";
import { api } from "./api.js";

const client = new LunoraClient({ url: "https://chat.example.com" });
const shard = "general";
const { page, isDone } = await client.query(api.messages.page, { limit: 50 }, { shard });
const texts: string[] = page.map((message) => message.text);
const sent: string = (await client.mutation(api.messages.send, { text: "hello" }, { shard })).text;
client.subscribe(api.messages.list, {}, { shard }, { onValue: ([oldest]) => oldest?._creationTime });
paginate(client, api.messages.page, {}, { shard }, { onValue: ({ items }) => items[0]?.author });
console.log(isDone, texts, sent);
`;

const CONFIG = {
  compilerOptions: {
    noEmit: true, strict: true, target: "ES2022", module: "ESNext", moduleResolution: "Bundler", types: [],
    lib: ["ES2022", "DOM", "DOM.Iterable"],
    paths: { "lunora-client": [`${CLIENT}/index.d.ts`], "lunora-client/*": [`${CLIENT}/*.d.ts`] },
  },
  include: ["."],
};

/** Compiles the program with the `api` in `dir`; returns what the compiler says, nothing if it accepts it. */
function compile(dir) {
  writeFileSync(join(dir, "program.ts"), PROGRAM);
  writeFileSync(join(dir, "tsconfig.json"), JSON.stringify(CONFIG));
  return spawnSync(process.execPath, [TSC, "-p", dir], { encoding: "utf8" }).stdout;
}

const codegen = (args, env = {}) =>
  spawnSync(LUNORA, ["codegen", "client", ...args], { cwd: CHAT, encoding: "utf8", env: { ...process.env, ...env } });

test("the_client_of_the_chat_is_up_to_date", () => {
  const { status, stdout, stderr } = codegen(["--check"]);
  assert.equal(status, 0, stdout + stderr);
});

test("a_program_that_calls_the_chat_compiles", () => {
  const dir = join(folder, "chat");
  cpSync(join(CHAT, "client"), dir, { recursive: true });
  assert.equal(compile(dir), "");
});

test("a_program_does_not_compile_after_a_field_is_renamed", () => {
  // A cargo whose tests write the functions with another name of the field.
  const cargo = join(folder, "cargo");
  const real = execFileSync("sh", ["-c", "command -v cargo"], { encoding: "utf8" }).trim();
  const rename = `[ -z "$LUNORA_FUNCTIONS_DIR" ] || sed -i 's/"text"/"body"/g' "$LUNORA_FUNCTIONS_DIR"/*.json`;
  writeFileSync(cargo, `#!/bin/sh\n"${real}" "$@" || exit\n${rename}\n`, { mode: 0o755 });
  const dir = join(folder, "renamed");
  const { status, stdout, stderr } = codegen(["--out", dir], { CARGO: cargo });
  assert.equal(status, 0, stdout + stderr);
  const said = compile(dir);
  assert.match(said, /Property 'text' does not exist on type 'MessageDocument'/);
  assert.match(said, /'text' does not exist in type 'Send'/);
});
