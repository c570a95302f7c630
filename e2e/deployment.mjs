// A deployment of the drill on workerd, whose objects can be destroyed and whose bucket stays.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Miniflare } from "miniflare";
import { workerOptions, workerdProcesses } from "./worker.mjs";

const DRILL = new URL("drill", import.meta.url).pathname;
export const TOKEN = "a-token-for-drills-and-nothing-else";
export const FOLDERS = ["red", "green", "blue/ü"];

/** A deployment whose objects and bucket live in folders of their own. */
export class Deployment {
  constructor({ vars = {}, ...options } = {}) {
    this.options = options;
    this.vars = vars;
    this.dir = mkdtempSync(join(tmpdir(), "lunora-drill-"));
    this.generation = 0;
    this.start();
  }

  start() {
    const worker = workerOptions(DRILL);
    this.mf = new Miniflare({
      ...worker,
      bindings: { ...worker.bindings, ...this.vars },
      ...this.options,
      durableObjectsPersist: join(this.dir, `objects-${this.generation}`),
      r2Persist: join(this.dir, "bucket"),
    });
  }

  /** Every object is gone; what is in the bucket stays. */
  async destroy() {
    await this.mf.dispose();
    this.generation++;
    this.start();
  }

  /** The registry's object loses its database; every other object keeps its own. */
  async loseRegistry() {
    await this.mf.dispose();
    const objects = join(this.dir, `objects-${this.generation}`);
    const folders = readdirSync(objects).filter((name) => name.endsWith("-ShardRegistry"));
    assert.equal(folders.length, 1, String(readdirSync(objects)));
    rmSync(join(objects, folders[0]), { recursive: true });
    this.start();
  }

  /** workerd dies as it does when a machine does. */
  async kill() {
    const workerd = workerdProcesses();
    assert.equal(workerd.length, 1, String(workerd));
    process.kill(workerd[0], "SIGKILL");
    await this.mf.dispose().catch(() => {});
    this.start();
  }

  async close() {
    await this.mf.dispose();
    rmSync(this.dir, { recursive: true, force: true });
  }

  async call(path, body, method = "POST") {
    const response = await this.mf.dispatchFetch(`http://drill${path}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
      body: method === "GET" ? undefined : typeof body === "string" ? body : JSON.stringify(body),
    });
    return { status: response.status, text: await response.text() };
  }

  async json(path, body, method) {
    const { status, text } = await this.call(path, body, method);
    assert.equal(status, 200, `${path}: ${text.slice(0, 500)}`);
    return JSON.parse(text);
  }

  async rpc(functionPath, args, shardKey) {
    return (await this.json("/_lunora/rpc", { functionPath, args, shardKey })).result;
  }

  admin(path, body = {}, method) {
    return this.json(`/_lunora/admin/${path}`, body, method);
  }

  /** Every row there is, deleted users included, as sorted lines. */
  async rows() {
    const { status, text } = await this.call("/_lunora/admin/export", { allowEmptyRegistry: true });
    assert.equal(status, 200, text.slice(0, 500));
    return text.split("\n").filter(Boolean).sort();
  }

  async populate() {
    for (const folder of FOLDERS) await this.rpc("notes:add", { count: 40, bytes: 200, label: folder }, folder);
    const { _id } = await this.rpc("users:add", { name: "Ada" });
    await this.rpc("users:add", { name: "Zoë 💬" });
    await this.rpc("users:remove", { id: _id });
  }
}

export async function drill(run, options) {
  const deployment = new Deployment(options);
  try {
    await run(deployment);
  } finally {
    await deployment.close();
  }
}
