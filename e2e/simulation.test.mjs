// The platform in memory tells the truth: seeds replayed as scripts against the Worker on workerd show
// clients the same, with processes killed, instances trapped and objects evicted on the way.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Miniflare } from "miniflare";
import { workerOptions, workerdProcesses } from "./worker.mjs";

const ROOT = new URL("..", import.meta.url).pathname;
const WORKER = join(ROOT, "simulation");
const SEEDS = 200;
const AT_ONCE = 10;
// workerd evicts an object after 10 idle seconds.
const EVICTED_AFTER_MS = 12_000;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The scripts, as the simulation writes them. */
function scripts() {
  const program = process.env.LUNORA_SIMULATION ?? join(ROOT, "target/simulation/lunora-simulation");
  const lines = execFileSync(program, ["--scripts", String(SEEDS)], { maxBuffer: 1 << 30 }).toString().trim().split("\n");
  return lines.map((line) => JSON.parse(line));
}

/** A deployment whose process can die; its objects live on in a folder. */
class Deployment {
  constructor() {
    this.dir = mkdtempSync(join(tmpdir(), "lunora-simulation-"));
    this.start();
  }

  start() {
    const quiet = { handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()) };
    this.mf = new Miniflare({ ...workerOptions(WORKER), ...quiet, durableObjectsPersist: this.dir });
  }

  async kill() {
    const workerd = workerdProcesses();
    assert.equal(workerd.length, 1);
    process.kill(workerd[0], "SIGKILL");
    await this.mf.dispose().catch(() => {});
    this.start();
  }

  async close() {
    await this.mf.dispose();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** The clients of one script. */
class Play {
  constructor(deployment, { seed, shard, steps }) {
    Object.assign(this, { deployment, seed, shard, steps, at: 0, sockets: {}, heard: {} });
  }

  /** Plays to the next event that strikes everybody, or to the end. */
  async phase() {
    for (; this.at < this.steps.length; this.at++) {
      const step = this.steps[this.at];
      if (step.act.do === "event") return;
      await this[step.act.do](step.act);
      await this.sees(step.seen);
    }
  }

  /** After an event, what must be seen may take a while. */
  async struck() {
    const { act, seen } = this.steps[this.at];
    if (act.event === "kill") {
      for (const socket of Object.values(this.sockets)) socket.gone = true;
      Object.assign(this, { sockets: {}, heard: {} });
    }
    this.at++;
    await this.sees(seen);
  }

  headers(user, id) {
    return { authorization: `Bearer user:${user}`, ...(id && { "x-lunora-mutation-id": id }) };
  }

  async call({ user, path, args, id, answer }) {
    const response = await this.deployment.mf.dispatchFetch("http://simulation/_lunora/rpc", {
      method: "POST",
      headers: this.headers(user, id),
      body: JSON.stringify({ functionPath: path, shardKey: this.shard, args }),
    });
    const body = await response.json();
    const got = response.status === 200 ? { result: body.result } : { code: body.error.code };
    assert.deepEqual(got, answer, `seed ${this.seed}, step ${this.at}: ${path}`);
  }

  async connect({ user }) {
    const url = `http://simulation/_lunora/ws?shard=${encodeURIComponent(this.shard)}`;
    const { webSocket } = await this.deployment.mf.dispatchFetch(url, { headers: { upgrade: "websocket", ...this.headers(user) } });
    const heard = (this.heard[user] = {});
    webSocket.addEventListener("message", ({ data }) => {
      const { type, id, data: value, code } = JSON.parse(data);
      if (id === undefined) return;
      if (type === "data") heard[id] = { data: value };
      if (type === "error") heard[id] = { code };
    });
    webSocket.accept();
    this.sockets[user] = webSocket;
  }

  say(user, frame) {
    this.sockets[user].send(JSON.stringify(frame));
  }

  subscribe({ user, id, path, args }) {
    this.say(user, { type: "subscribe", id, query: { functionPath: path, args } });
  }

  async unsubscribe({ user, id }) {
    this.say(user, { type: "unsubscribe", id });
    // A frame and a call do not wait for each other; frames of one socket do.
    await this.answered(user);
    delete this.heard[user][id];
  }

  async close({ user }) {
    this.sockets[user].close(1000);
    delete this.sockets[user];
    delete this.heard[user];
  }

  /** Everything that the socket sent so far was handled. */
  async answered(user) {
    const socket = this.sockets[user];
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("no answer to a frame within 10 s")), 10_000);
      const hear = ({ data }) => {
        if (!data.includes("invalid envelope")) return;
        clearTimeout(timer);
        socket.removeEventListener("message", hear);
        resolve();
      };
      socket.addEventListener("message", hear);
      socket.send("{");
    });
  }

  /** Waits until every client has heard what it must have, and nothing else. */
  async sees(seen) {
    const deadline = Date.now() + 10_000;
    for (;;) {
      try {
        assert.deepEqual(this.heard, seen);
        return;
      } catch (error) {
        if (Date.now() > deadline) {
          error.message = `seed ${this.seed}, step ${this.at}, ${JSON.stringify(this.steps[this.at]?.act)}: ${error.message}`;
          throw error;
        }
        await sleep(5);
      }
    }
  }
}

/** Runs `act` for all, a few at once. */
async function each(plays, act) {
  const rest = [...plays];
  const worker = async () => {
    for (let play; (play = rest.shift()) !== undefined; ) await act(play);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

async function strike(deployment, event, plays) {
  if (event === "kill") await deployment.kill();
  else if (event === "sleep") await sleep(EVICTED_AFTER_MS);
  else {
    // All objects of an isolate share one instance, so one crash is everybody's.
    const body = JSON.stringify({ functionPath: "docs:crash", shardKey: "crash", args: {} });
    const headers = { authorization: "Bearer user:ada" };
    const { status } = await deployment.mf.dispatchFetch("http://simulation/_lunora/rpc", { method: "POST", headers, body });
    assert.equal(status, 500);
  }
  await each(plays, (play) => play.struck());
}

test(`${SEEDS} seeds show clients on workerd what they show in memory`, { timeout: 600_000 }, async () => {
  const groups = new Map();
  for (const script of scripts()) {
    const events = script.steps.filter(({ act }) => act.do === "event").map(({ act }) => act.event);
    const group = groups.get(String(events)) ?? { events, scripts: [] };
    group.scripts.push(script);
    groups.set(String(events), group);
  }
  for (const { events, scripts } of groups.values()) {
    const deployment = new Deployment();
    try {
      const plays = scripts.map((script) => new Play(deployment, script));
      await each(plays, (play) => play.phase());
      for (const event of events) {
        await strike(deployment, event, plays);
        await each(plays, (play) => play.phase());
      }
      for (const play of plays) assert.equal(play.at, play.steps.length);
    } finally {
      await deployment.close();
    }
  }
});
