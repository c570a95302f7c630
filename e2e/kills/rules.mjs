// What must be true of a drill whenever it was killed, and the operations that it is killed in.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { assertRowsOf, assertSame, countOf, difference, settle, shardOf, strayFrom } from "./model.mjs";
import { Victim } from "./victim.mjs";

const SHARDS = Array.from({ length: 20 }, (_, n) => `folder-${n}${n % 5 === 0 ? "/ü" : ""}`);
const BYTES = 3000;
/** As many as the drill's retention keeps. */
const KEEP = 2;
/** How long an operation takes, in milliseconds; the last one that was not cut off. */
const took = new Map([["mutations", 150], ["prune", 15]]);

/** One drill with its model: what its shards hold, and which snapshots of which states there are. */
export class Drill {
  constructor(random, rowsPerShard) {
    this.random = random;
    this.rowsPerShard = rowsPerShard;
    this.victim = new Victim();
    this.snapshots = new Map();
    this.labels = 0;
    this.kills = 0;
    this.checks = {};
  }

  async populate() {
    await this.victim.ready();
    // The others come with mutations and imports.
    const shards = SHARDS.slice(0, 17);
    const log = shards.map((shard) => ({ shard, add: this.add(this.rowsPerShard), acknowledged: true }));
    await Promise.all(log.map(({ shard, add }) => this.victim.mutate("notes:add", add, shard, add.label)));
    this.state = await this.victim.state();
    settle(new Map(), log, this.state);
    // The oldest one that the retention keeps is the one that it deletes next.
    for (let night = 0; night < KEEP; night++) await this.triggerWhole();
    await this.checkSnapshots(this.is(this.state));
  }

  add(count) {
    return { label: `m${++this.labels}`, count, bytes: BYTES };
  }

  counted(what) {
    this.checks[what] = (this.checks[what] ?? 0) + 1;
  }

  /** Kills workerd while an operation runs; the first of its kind runs whole, to know how long it takes. */
  async killIn(kind, operation, from = 0) {
    const measured = `${kind} of ${this.rowsPerShard}`;
    const limit = took.get(measured) ?? took.get(kind);
    if (limit === undefined) {
      const started = performance.now();
      const value = await operation(this.victim.mortal());
      took.set(measured, performance.now() - started);
      return { value };
    }
    const delay = (from + (1.05 - from) * this.random.next()) * limit;
    const outcome = await this.victim.killDuring(operation, delay);
    if (outcome.took && !took.has(kind)) took.set(measured, outcome.took);
    this.kills++;
    this.counted(`${kind}${from > 0 ? ", near its end" : ""}: ${outcome.took ? "after its end" : "in its middle"}`);
    return outcome;
  }

  // Mutations.

  /** Mutations of one shard, one after the other, until workerd dies or `stop` is set. */
  async mutateShard(client, shard, log, stop) {
    const removable = [...(this.state.get(shard)?.keys() ?? [])];
    while (!stop.set) {
      const remove = this.random.chance(removable.length > this.rowsPerShard ? 0.8 : 0.3);
      const [id] = remove ? removable.splice(this.random.below(removable.length), 1) : [];
      const entry = id ? { shard, remove: id } : { shard, add: this.add(1 + this.random.below(3)) };
      entry.mutationId = `mutation-${++this.labels}`;
      log.push(entry);
      await this.send(client, entry);
      entry.acknowledged = true;
    }
  }

  async send(client, { shard, add, remove, mutationId }) {
    const result = add
      ? await client.mutate("notes:add", add, shard, mutationId)
      : await client.mutate("notes:remove", { id: remove }, shard, mutationId);
    assert.equal(result, add ? add.count : true);
  }

  /** Checks what mutations left, then sends the unacknowledged ones again: each is done once. */
  async settleMutations(log) {
    const before = this.state;
    this.state = await this.victim.state();
    settle(before, log, this.state);
    return async () => {
      const lost = log.filter(({ acknowledged }) => !acknowledged);
      await Promise.all(lost.map(async (entry) => {
        await this.send(this.victim, entry);
        entry.acknowledged = true;
      }));
      this.state = await this.victim.state();
      settle(before, log, this.state);
    };
  }

  async mutations() {
    const log = [];
    const shards = this.random.sample(SHARDS, 8);
    await this.killIn("mutations", (client) =>
      Promise.all(shards.map((shard) => this.mutateShard(client, shard, log, { set: false }))));
    const sendAgain = await this.settleMutations(log);
    await this.checkSnapshots(() => "no snapshot was taken");
    await sendAgain();
  }

  // Snapshots.

  /** The rule that a new snapshot holds one of some states. */
  is(...states) {
    return (found) => {
      const differs = states.map((state) => difference(found, state));
      return differs.includes(null) ? null : differs.join("; nor: ");
    };
  }

  /** Every listed snapshot is whole; new ones hold what is legal, and none is missing that must be there. */
  async checkSnapshots(illegal) {
    const listed = await this.victim.snapshots();
    for (const { id, cron } of listed) {
      const { ok, problems } = await this.victim.admin("backup/verify", { id });
      assert.ok(ok, `the listed snapshot ${id} does not verify: ${problems}`);
      if (this.snapshots.has(id)) continue;
      const state = await this.victim.stateOfSnapshot(id);
      const problem = illegal(state);
      assert.equal(problem, null, `the snapshot ${id} of ${countOf(state)} rows is no state: ${problem}`);
      this.snapshots.set(id, { cron, state });
      this.counted("new snapshots");
    }
    const ids = new Set(listed.map(({ id }) => id));
    const lease = await this.victim.lease();
    const newest = this.scheduled().slice(0, KEEP);
    for (const [id, { cron }] of this.snapshots) {
      if (ids.has(id)) continue;
      assert.ok(cron, `the snapshot ${id}, taken by hand, is gone`);
      assert.ok(!newest.includes(id), `the retention of ${KEEP} deleted ${id}; scheduled ones were ${this.scheduled()}`);
      const needed = lease?.state === "running" && [lease.snapshot, lease.safetySnapshot].includes(id);
      assert.ok(!needed, `the retention deleted ${id}, which the unfinished restore ${lease?.lease} needs`);
      this.snapshots.delete(id);
    }
    assert.ok(listed.length > 0 || this.snapshots.size === 0, "there is no intact snapshot any more");
  }

  /** The scheduled snapshots, the newest first. */
  scheduled() {
    return [...this.snapshots].filter(([, { cron }]) => cron).map(([id]) => id).sort().reverse();
  }

  /** A run that nothing disturbs succeeds, and its snapshot is listed. */
  async triggerWhole(time = this.victim.nextNight()) {
    assert.ok(await this.victim.trigger(time), `the run of ${time.toISOString()} failed`);
    await this.checkSnapshots(this.is(this.state));
    assert.ok(this.snapshots.has(time.toISOString()), `${time.toISOString()} is green and not listed`);
  }

  /** A snapshot, by hand or by the trigger, while mutations come in or none do. */
  async snapshot(kind, from) {
    const [before, log, stop, floor] = [this.state, [], { set: false }, new Map()];
    const night = kind === "trigger" ? this.victim.nextNight() : undefined;
    const shards = this.random.chance(0.6) ? this.random.sample(SHARDS, 4) : [];
    const lead = this.random.below(40);
    const { value: taken } = await this.killIn(kind, async (client) => {
      const writers = Promise.all(shards.map((shard) => this.mutateShard(client, shard, log, stop)));
      writers.catch(() => {});
      if (shards.length > 0) await sleep(lead);
      for (const { shard } of log.filter(({ acknowledged }) => acknowledged)) floor.set(shard, (floor.get(shard) ?? 0) + 1);
      let id = night?.toISOString();
      if (night) assert.ok(await client.trigger(night), `the run of ${id} failed`);
      else ({ id } = await client.admin("backup/create"));
      stop.set = true;
      await writers;
      return id;
    }, from);
    stop.set = true;
    const sendAgain = await this.settleMutations(log);
    await this.checkSnapshots((found) => strayFrom(found, before, log, floor));
    assert.ok(!taken || this.snapshots.has(taken), `the acknowledged snapshot ${taken} is not listed`);
    await sendAgain();
    return { night, taken };
  }

  async create() {
    await this.snapshot("create");
  }

  /** A run of the trigger; one that was killed is repeated for the same time, or missed. */
  async trigger() {
    const { night } = await this.snapshot("trigger");
    const isThere = this.snapshots.has(night.toISOString());
    if (isThere || this.random.chance(0.5)) {
      await this.victim.expireClaims();
      assert.ok(await this.victim.trigger(night), `the repeated run of ${night.toISOString()} failed`);
      await this.checkSnapshots(this.is(this.state));
      assert.ok(this.snapshots.has(night.toISOString()), `the repeated run of ${night.toISOString()} is not listed`);
    }
  }

  /** A run that is killed near its end, where the retention deletes; then the operator's own. */
  async retention() {
    await this.snapshot("trigger", 0.6);
    const { wouldDelete } = await this.victim.admin("backup/retention", undefined, "GET");
    assert.equal(wouldDelete.length, Math.max(0, this.scheduled().length - KEEP));
    if (wouldDelete.length === 0) return;
    await this.killIn("prune", (client) => client.admin("backup/prune", { confirm: wouldDelete }));
    await this.checkSnapshots(() => "no snapshot was taken");
    const { failed, remaining } = await this.victim.admin("backup/prune", { confirm: wouldDelete });
    assert.deepEqual([failed, remaining], [[], 0]);
    await this.checkSnapshots(() => "no snapshot was taken");
    assert.equal(this.scheduled().length, KEEP);
    this.counted("retention with something to delete");
  }

  // Imports.

  async import() {
    const name = `import-${++this.labels}`;
    const rows = Array.from({ length: 60 + this.random.below(120) }, (_, n) =>
      ({ _id: `${name}-${n}`, folder: this.random.pick(SHARDS), text: `${name} ${n} ${"ü".repeat(BYTES / 2)}` }));
    const body = rows.map((doc) => JSON.stringify({ table: "notes", doc })).join("\n");
    const { value: report } = await this.killIn("import", (client) => client.admin("import", body));
    const before = this.state;
    const check = async (isWhole) => {
      const after = await this.victim.state();
      const expected = new Map([...before].map(([key, own]) => [key, new Map(own)]));
      let there = 0;
      for (const { _id, folder, text } of rows) {
        const doc = after.get(folder)?.get(_id);
        if (doc === undefined && !isWhole) continue;
        assert.ok(doc, `the imported row ${_id} is missing`);
        const { _creationTime, ...own } = JSON.parse(doc);
        assert.deepEqual(own, { _id, folder, text });
        shardOf(expected, folder).set(_id, doc);
        there++;
      }
      assertSame(after, expected, "after an import");
      this.state = after;
      return there;
    };
    const there = await check(report !== undefined);
    await this.checkSnapshots(() => "no snapshot was taken");
    const again = await this.victim.admin("import", body);
    assert.deepEqual([again.received, again.conflicts, again.errors], [rows.length, there, []]);
    const halfway = this.state;
    await check(true);
    assertRowsOf(halfway, [this.state], "a repeated import changed a row");
  }
}
