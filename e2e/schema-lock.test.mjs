// The schema lock: a build whose types cannot read what is stored fails, and an older Worker does not open what a
// newer one has written.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Miniflare } from "miniflare";
import { copyOfChat } from "./copy.mjs";
import { workerOptions } from "./worker.mjs";

const at = (path) => new URL(path, import.meta.url).pathname;
const TARGET = process.env.CARGO_TARGET_DIR ?? at("../target");
// A copy of the chat shares what is compiled.
const { CI: _, ...REST } = process.env;
const ENV = { ...REST, CARGO_TARGET_DIR: TARGET };
const folder = mkdtempSync(join(tmpdir(), "lunora-schema-"));
after(() => rmSync(folder, { recursive: true }));

const crate = copyOfChat(join(folder, "workspace"));
const storage = join(folder, "storage");
const lock = join(crate, "lunora.schema.lock");
const room = join(crate, "src/room.rs");

function build(out, mode = "update", env = ENV) {
  const args = ["build", crate, "--dev", "--no-wasm-opt", "--out-dir", join(crate, out), "--schema-lock", mode];
  const { status, stdout, stderr } = spawnSync(join(TARGET, "debug/lunora"), args, { env, encoding: "utf8" });
  return { status, text: stdout + stderr };
}

function edit(...pairs) {
  writeFileSync(room, pairs.reduce((text, [from, to]) => {
    assert.ok(text.includes(from), from);
    return text.replaceAll(from, to);
  }, readFileSync(room, "utf8")));
}

const version = () => JSON.parse(readFileSync(lock, "utf8")).classes.Room.version;

/** Serves the build in `out` over the same storage. */
async function serving(out, run) {
  rmSync(join(crate, "build"), { recursive: true, force: true });
  cpSync(join(crate, out), join(crate, "build"), { recursive: true });
  const mf = new Miniflare({
    ...workerOptions(crate), durableObjectsPersist: storage,
    handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()),
  });
  const call = async (functionPath, args, headers) => {
    const response = await mf.dispatchFetch("http://lock.test/_lunora/rpc", {
      method: "POST", headers, body: JSON.stringify({ functionPath, args, shardKey: "general" }),
    });
    return { status: response.status, ...(await response.json()) };
  };
  const signedIn = await mf.dispatchFetch("http://lock.test/api/sign-in", { method: "POST", body: JSON.stringify({ name: "ada" }) });
  const ada = { authorization: `Bearer ${(await signedIn.json()).token}` };
  try {
    return await run((path, args, headers = ada) => call(path, args, headers));
  } finally {
    await mf.dispose();
  }
}


test("a changed type, its migration, and the way back", { timeout: 600_000 }, async (t) => {
  rmSync(lock);
  await t.test("the first build writes the lock, and a build in CI does not", () => {
    const frozen = build("build-1", "frozen");
    assert.equal(frozen.status, 0, frozen.text);
    assert.match(frozen.text, /there is no lunora\.schema\.lock/);
    assert.equal(existsSync(lock), false);
    const { status, text } = build("build-1");
    assert.equal(status, 0, text);
    assert.match(text, /Wrote lunora\.schema\.lock: commit it\./);
    assert.equal(version(), 1);
  });

  await t.test("a changed type fails the build, and the message has the migration", () => {
    const before = readFileSync(lock, "utf8");
    edit(["    text: String,\n}\n\nlunora::shard!", "    text: String,\n    length: u32,\n}\n\nlunora::shard!"],
      ["let message = Message { author, channel, text: args.text };", "let length = u32::try_from(args.text.len()).unwrap_or(0);\n    let message = Message { author, channel, text: args.text, length };"]);
    const { status, text } = build("build-2");
    assert.notEqual(status, 0);
    assert.match(text, /`length` is new, and stored documents lack it/);
    assert.match(text, /deployed: lunora migrate messages messages-2\n/);
    assert.match(text, /struct MessageV1 \{\n +author: String,\n +channel: String,\n +text: String,\n +\}/);
    assert.equal(readFileSync(lock, "utf8"), before);
    assert.equal(existsSync(join(crate, "build-2")), false);
    const warned = build("build-2", "warn");
    assert.equal(warned.status, 0, warned.text);
    assert.match(warned.text, /warning: the type of `messages` in `Room` changes/);
  });

  await t.test("the build goes on once a migration is there", () => {
    edit(["    registry: \"SHARD_REGISTRY\",\n}", `    migrations: { "messages-2" on MESSAGES => { up: messages_to_2, down: messages_to_1 } },
    registry: "SHARD_REGISTRY",
}

#[derive(Deserialize, Serialize)]
struct MessageV1 {
    author: String,
    channel: String,
    text: String,
}

fn messages_to_2(old: MessageV1) -> Result<Option<Message>, LunoraError> {
    let length = u32::try_from(old.text.len()).unwrap_or(0);
    Ok(Some(Message { author: old.author, channel: old.channel, text: old.text, length }))
}

fn messages_to_1(new: Message) -> Result<Option<MessageV1>, LunoraError> {
    Ok(Some(MessageV1 { author: new.author, channel: new.channel, text: new.text }))
}`]);
    const frozen = build("build-2", "frozen");
    assert.notEqual(frozen.status, 0);
    assert.match(frozen.text, /is not up to date/);
    const { status, text } = build("build-2");
    assert.equal(status, 0, text);
    assert.equal(version(), 2);
    assert.equal(build("build-2", "frozen").status, 0);
  });

  const TOKEN = { authorization: "Bearer local-development-only-not-an-operator" };
  const list = (call) => call("messages:list", {});
  const migrate = (call, direction) => call("__lunora_admin__:runMigration", { id: "messages-2", direction }, TOKEN);

  await t.test("an older Worker does not open what a newer one has", async () => {
    await serving("build-1", async (call) => {
      const sent = await call("messages:send", { text: "hello" });
      assert.equal(sent.status, 200, JSON.stringify(sent));
    });
    await serving("build-2", async (call) => {
      assert.equal((await list(call)).status, 500, "the document has no `length` yet");
      const migrated = await migrate(call, "up");
      assert.equal(migrated.result?.status, "completed", JSON.stringify(migrated));
      assert.deepEqual((await list(call)).result.map(({ length }) => length), [5]);
    });
    await serving("build-1", async (call) => {
      const refused = await list(call);
      assert.deepEqual([refused.status, refused.error.code], [503, "SHARD_UNAVAILABLE"]);
    });
  });

  await t.test("an older Worker opens it again once the migration was undone", async () => {
    await serving("build-2", async (call) => {
      assert.equal((await migrate(call, "down")).result.status, "completed");
    });
    await serving("build-1", async (call) => {
      assert.deepEqual((await list(call)).result.map(({ text }) => text), ["hello"]);
    });
  });
});
