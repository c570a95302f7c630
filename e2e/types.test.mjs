// The types of `lunora codegen client`: from the functions of the chat to a program that calls them.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { copyOfChat } from "./copy.mjs";
import { following } from "./tool.mjs";

const at = (path) => new URL(path, import.meta.url).pathname;
const CHAT = at("../examples/chat");
const CLIENT = at("../packages/client/dist");
const TSC = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const TARGET = process.env.CARGO_TARGET_DIR ?? at("../target");
const LUNORA = join(TARGET, "debug/lunora");
// A copy of the chat shares what is compiled.
const ENV = { ...process.env, CARGO_TARGET_DIR: TARGET };
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

const codegen = (cwd, ...args) => spawnSync(LUNORA, ["codegen", "client", ...args], { cwd, env: ENV, encoding: "utf8" });

test("the_client_of_the_chat_is_up_to_date", () => {
  const { status, stdout, stderr } = codegen(CHAT, "--check");
  assert.equal(status, 0, stdout + stderr);
});

test("the_rust_client_of_the_chat_is_up_to_date", () => {
  const file = at("../crates/lunora-client/tests/chat/api.rs");
  const { status, stdout, stderr } = codegen(CHAT, "--rust", file, "--check");
  assert.equal(status, 0, stdout + stderr);
  const stale = join(folder, "api.rs");
  writeFileSync(stale, readFileSync(file, "utf8").replace("pub text:", "pub body:"));
  const found = codegen(CHAT, "--rust", stale, "--check");
  assert.notEqual(found.status, 0, found.stdout);
  assert.match(found.stdout + found.stderr, /differs from the functions of the crate/);
});

test("a_program_that_calls_the_chat_compiles", () => {
  const dir = join(folder, "chat");
  cpSync(join(CHAT, "client"), dir, { recursive: true });
  assert.equal(compile(dir), "");
});

/** Type-checks the page of the chat in `crate`; returns what the compiler says, nothing if it accepts it. */
const checkPage = (crate) => spawnSync(process.execPath, [TSC, "-p", crate], { encoding: "utf8" }).stdout;

test("the_page_of_the_chat_is_well_typed", () => assert.equal(checkPage(CHAT), ""));

const edit = (file, change) => writeFileSync(file, change(readFileSync(file, "utf8")));

/** Runs `use` beside `lunora dev` of the copy. `save` changes a source, and returns where the output of it begins. */
const developing = (crate, options, use) =>
  following(crate, options, { tool: LUNORA, env: ENV }, (dev) => {
    const save = (change) => {
      const from = dev.output().length;
      edit(join(crate, "src/room.rs"), change);
      return from;
    };
    return use({ ...dev, save });
  });

const REWROTE = "Rewrote examples/chat/client/api.d.ts and ";

test("lunora_dev_keeps_the_types_of_a_crate_true", { timeout: 600_000 }, async (t) => {
  const crate = copyOfChat(join(folder, "workspace"));
  const types = () => readFileSync(join(crate, "client/api.d.ts"), "utf8");
  const good = types();
  edit(join(crate, "client/api.d.ts"), () => "// Of another day.\n");
  // Of another crate.
  const rust = join(folder, "tool/src/api.rs");
  await developing(crate, ["--client-rust", rust], async ({ origin, output, printed, save }) => {
    await t.test("a_stale_client_is_rewritten_at_the_start_once_the_page_is_served", async () => {
      const said = await printed(REWROTE);
      assert.ok(said.indexOf("Starting workerd") < said.indexOf(REWROTE), said);
      assert.equal(types(), good);
      assert.equal(readFileSync(rust, "utf8"), readFileSync(at("../crates/lunora-client/tests/chat/api.rs"), "utf8"));
      await printed("Ctrl-C stops.");
    });

    await t.test("a_page_and_a_program_do_not_compile_after_a_field_is_renamed", async () => {
      assert.equal(checkPage(crate), "");
      const start = performance.now();
      const from = save((text) => text.replaceAll(/\btext\b/g, "body"));
      const since = () => `${((performance.now() - start) / 1000).toFixed(1)} s`;
      const [rewritten, served] = await Promise.all([REWROTE, "Serving the new build"].map((line) => printed(line, from).then(since)));
      t.diagnostic(`after a save: api.d.ts is rewritten after ${rewritten}, the build is served after ${served}`);
      const page = checkPage(crate);
      assert.match(readFileSync(rust, "utf8"), /pub struct Send \{[^}]*pub body: String,/);
      assert.match(page, /view\.js.*Property 'text' does not exist on type 'MessageDocument'/);
      assert.match(page, /app\.js.*Property 'text' does not exist on type 'Send'/);
      assert.match(page, /'text' does not exist in type 'Send'/);
      const renamed = join(folder, "renamed");
      cpSync(join(crate, "client"), renamed, { recursive: true });
      const program = compile(renamed);
      assert.match(program, /Property 'text' does not exist on type 'MessageDocument'/);
      assert.match(program, /'text' does not exist in type 'Send'/);
      // Long enough for several looks at the files.
      await sleep(1500);
      assert.equal(output().split("Rebuilding:").length, 2, output());
    });

    await t.test("a_type_without_a_schema_leaves_the_files_and_prints_one_line", async () => {
      const before = types();
      const from = save((text) => text.replace(", JsonSchema)]\nstruct Send", ")]\nstruct Send"));
      while (!/error: .*\n/.test(output().slice(from))) await sleep(20);
      const [line, ...more] = output().slice(from).match(/error: .*/g);
      assert.match(line, /error: client is not rewritten: src\/room\.rs:\d+: .*Send/);
      assert.deepEqual(more, []);
      assert.equal(types(), before);
      assert.equal((await fetch(origin)).status, 200);
    });
  });

  await t.test("codegen_client_compiles_nothing_that_lunora_dev_compiled", () => {
    const start = performance.now();
    const { status, stdout, stderr } = codegen(crate, "--check");
    t.diagnostic(`with compiled tests the types are generated after ${Math.round(performance.now() - start)} ms`);
    assert.doesNotMatch(stderr, /Compiling/);
    // The type without a schema.
    assert.equal(status, 3, stdout + stderr);
  });
});
