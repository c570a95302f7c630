// A drill whose workerd is killed in the middle of an operation and started again on the same folders.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { Deployment } from "../deployment.mjs";
import { workerdProcesses } from "../worker.mjs";
import { stateOfExport, stateOfSnapshot } from "./model.mjs";

const CRON = "0 3 * * *";
const LEASE = "backups/lunora-restore.json";
const QUIET = { handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()) };
// Stored answers belong to a user: an anonymous caller's mutations are not remembered.
const USER = `ada:${Number.MAX_SAFE_INTEGER}`;

export class Victim extends Deployment {
  constructor() {
    super(QUIET);
    this.day = 0;
  }

  async ready() {
    await this.mf.ready;
    const workerd = workerdProcesses();
    assert.equal(workerd.length, 1, String(workerd));
    this.pid = workerd[0];
  }

  /** Calls that end with this workerd, and never reach the next one. */
  mortal() {
    return Object.assign(Object.create(this), { mf: this.mf });
  }

  /**
   * Starts an operation, kills workerd after some milliseconds, and starts it again. An operation that
   * was answered with an error fails; one that was cut off is `undefined`.
   */
  async killDuring(operation, delay) {
    const started = performance.now();
    const running = operation(this.mortal()).then(
      (value) => ({ value, took: performance.now() - started }),
      (error) => ({ error }),
    );
    await sleep(delay);
    process.kill(this.pid, "SIGKILL");
    const outcome = await Promise.race([running, sleep(2000, { error: undefined })]);
    await this.mf.dispose().catch(() => {});
    this.start();
    await this.ready();
    if (outcome.error instanceof assert.AssertionError) throw outcome.error;
    return outcome;
  }

  /** A mutation that is done once, however often it is sent. */
  async mutate(functionPath, args, shardKey, mutationId) {
    const response = await this.mf.dispatchFetch(`http://drill/_lunora/rpc?token=${USER}`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-lunora-mutation-id": mutationId },
      body: JSON.stringify({ functionPath, args, shardKey }),
    });
    const text = await response.text();
    assert.equal(response.status, 200, `${functionPath}: ${text.slice(0, 500)}`);
    return JSON.parse(text).result;
  }

  /** The status of an administrator's call, and what it says. */
  async ask(path, body = {}, method) {
    const { status, text } = await this.call(`/_lunora/admin/${path}`, body, method);
    return { status, body: JSON.parse(text) };
  }

  async state() {
    const { status, text } = await this.call("/_lunora/admin/export", { shardKeys: true, allowEmptyRegistry: true });
    assert.equal(status, 200, text.slice(0, 500));
    return stateOfExport(text);
  }

  async snapshots() {
    return (await this.admin("backup/list", undefined, "GET")).snapshots;
  }

  async stateOfSnapshot(id) {
    const query = `id=${encodeURIComponent(id)}`;
    const manifest = await this.admin(`backup/manifest?${query}`, undefined, "GET");
    const { status, text } = await this.call(`/_lunora/admin/backup/object?${query}`, undefined, "GET");
    assert.equal(status, 200, text.slice(0, 500));
    return stateOfSnapshot(manifest, text);
  }

  lease() {
    return this.admin("backup/lease", undefined, "GET");
  }

  /** A time of the trigger that no run was for. */
  nextNight() {
    return new Date(Date.UTC(2026, 0, ++this.day, 3));
  }

  /** Runs the trigger; `false` where the run failed. */
  async trigger(scheduledTime) {
    const worker = await this.mf.getWorker();
    const { outcome } = await worker.scheduled({ cron: CRON, scheduledTime });
    return outcome === "ok";
  }

  /** What the time does to a lease whose restore was killed. */
  async expireLease() {
    const bucket = await this.mf.getR2Bucket("BACKUPS");
    const lease = JSON.parse(await (await bucket.get(LEASE)).text());
    await bucket.put(LEASE, JSON.stringify({ ...lease, expiresMs: Date.now() - 1 }));
  }

  /** What the time does to the claims of runs that were killed. */
  async expireClaims() {
    const bucket = await this.mf.getR2Bucket("BACKUPS");
    const { objects } = await bucket.list({ prefix: "backups/" });
    const claims = objects.map(({ key }) => key).filter((key) => key.endsWith(".claim"));
    if (claims.length > 0) await bucket.delete(claims);
  }
}
