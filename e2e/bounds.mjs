// Drives a deployment past one bound and reads the memory of its instance before and after.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { Miniflare } from "miniflare";
import { Client } from "./client.mjs";
import { TOKEN } from "./deployment.mjs";
import { workerOptions, workerdProcesses } from "./worker.mjs";

const DRILL = new URL("drill", import.meta.url).pathname;
const REGISTRY = "__lunora_shard_registry__";
export const MIB = 1024 * 1024;
/** The memory of an isolate on the platform. */
const ISOLATE_MIB = 128;
const REPEATS = 5;

/** A deployment of the drill with an instance of its own. */
export class App {
  /** Starts one after another, so that each finds its own process. */
  static start(variables, changes) {
    const started = App.#starting.then(() => App.#start(variables, changes));
    App.#starting = started.catch(() => {});
    return started;
  }

  static #starting = Promise.resolve();

  static async #start(variables = {}, { entry, ...changes } = {}) {
    const { bindings, ...options } = workerOptions(DRILL);
    if (entry) options.modules.unshift({ type: "ESModule", path: `${options.modulesRoot}/entry.js`, contents: entry });
    const app = new App();
    const others = new Set(workerdProcesses());
    app.mf = new Miniflare({
      ...options,
      ...changes,
      bindings: { ...bindings, ...variables },
      handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()),
    });
    await app.mf.ready;
    [app.pid] = workerdProcesses().filter((pid) => !others.has(pid));
    return app;
  }

  async post(path, body, headers = {}) {
    const text = typeof body === "object" && !(body instanceof ReadableStream) ? JSON.stringify(body) : body;
    const response = await this.mf.dispatchFetch(`http://bounds.test${path}`, { method: "POST", headers, body: text, duplex: "half" });
    return read(response);
  }

  rpc(functionPath, args = {}, shardKey, headers) {
    return this.post("/_lunora/rpc", { functionPath, args, shardKey }, headers);
  }

  /** The slots of a batch. */
  async batch(calls) {
    const answer = await this.post("/_lunora/rpc-batch", { calls: calls.map((call, id) => ({ id: String(id), args: {}, ...call })) });
    assert.equal(answer.status, 200, answer.text.slice(0, 500));
    const { results } = JSON.parse(answer.text);
    assert.deepEqual(results.map(({ id }) => id), calls.map((_, id) => String(id)));
    return results.map(({ status, body }) => ({ status, code: body.error?.code, result: body.result }));
  }

  add(shardKey, { count = 1, bytes = 0, label = "note", headers } = {}) {
    return this.rpc("notes:add", { count, bytes, label }, shardKey, headers);
  }

  async notes(shardKey) {
    return (await this.rpc("notes:list", {}, shardKey)).result;
  }

  socket(shard, options) {
    return Client.open(this.mf, shard, options);
  }

  /** A request to an object itself, as the Worker sends it. */
  async object(binding, name, path, init) {
    const namespace = await this.mf.getDurableObjectNamespace(binding);
    return read(await namespace.get(namespace.idFromName(name)).fetch(`http://object${path}`, init));
  }

  registry(path, init) {
    return this.object("SHARD_REGISTRY", REGISTRY, path, init);
  }

  async admin(shard, op, args = {}) {
    const body = JSON.stringify({ functionPath: `__lunora_admin__:${op}`, args });
    const answer = await this.object("VAULT", shard, "/rpc", { method: "POST", headers: { authorization: `Bearer ${TOKEN}` }, body });
    assert.equal(answer.status, 200, answer.text);
    return answer.result;
  }

  /** Asserts that a shard has no row, and that the registry does not know it. */
  async untouched(shard) {
    assert.deepEqual(await this.notes(shard), []);
    const { text } = await this.registry("/list?table=notes");
    assert.ok(!JSON.parse(text).shardKeys.includes(shard), `${shard} is in the registry`);
  }

  /** Asserts that an ordinary call works. */
  async works() {
    const before = (await this.notes("ordinary")).length;
    assert.equal((await this.add("ordinary")).result, 1);
    assert.equal((await this.notes("ordinary")).length, before + 1);
  }

  /** The wasm memory of the instance, and the resident memory of its process, in MiB. */
  async memory() {
    const response = await this.mf.dispatchFetch("http://bounds.test/memory");
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    return { wasm: Number(await response.text()) / MIB, resident: Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024 };
  }
}

/** An answer, unless the connection was closed while an unread body was being sent. */
export const unlessClosed = (answer) => answer.catch((error) => assert.match(error.message, /fetch failed/));

async function read(response) {
  const text = await response.text();
  let json = {};
  try {
    json = JSON.parse(text);
  } catch {
    // A plain answer, as that of a crash.
  }
  return { status: response.status, headers: response.headers, text, result: json.result, code: json.error?.code };
}

const BOUNDS = [];

/**
 * Adds a test of a bound: `drive` goes past it, asserts that nothing took effect, and returns the codes
 * that it saw. Driving again must need no more memory than the first time, except for `slack` MiB.
 */
export function bound(name, options, drive) {
  BOUNDS.push({ name, options, drive });
}

/** Declares the tests of all bounds. Two run at once: some of them wait. */
export function testBounds() {
  describe("bounds", { concurrency: 2 }, () => {
    for (const { name, options, drive } of BOUNDS) test(name, { timeout: 120_000 }, () => testBound(name, options, drive));
  });
}

async function testBound(name, { variables, slack = 1, atOnce = false, isWorking = true, prepare = () => {} }, drive) {
  const app = await App.start(variables);
  try {
    await prepare(app);
    const before = await app.memory();
    const codes = await drive(app, 0);
    const after = await app.memory();
    const others = [];
    for (let round = 1; round < REPEATS; round++) {
      const repeated = drive(app, round);
      others.push(atOnce ? repeated : await repeated);
    }
    for (const other of await Promise.all(others)) assert.deepEqual(other, codes);
    const last = await app.memory();
    if (isWorking) await app.works();
    const mib = ({ wasm, resident }) => `${wasm.toFixed(1)} (process ${resident.toFixed(0)})`;
    console.log(`${name}: ${codes}; MiB: ${mib(before)} -> ${mib(after)}, ${mib(last)} after ${REPEATS}`);
    assert.ok(last.wasm <= after.wasm + slack, `memory grew from ${after.wasm} to ${last.wasm} MiB`);
    assert.ok(last.wasm < ISOLATE_MIB, `the instance took ${last.wasm} MiB`);
  } finally {
    await app.mf.dispose();
  }
}
