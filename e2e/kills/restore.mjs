// A replacing restore that is killed, with the trigger firing meanwhile, and repeated until it is done.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { assertRowsOf, assertSame, countOf } from "./model.mjs";

const IN_PROGRESS = "RESTORE_IN_PROGRESS";
const UNFINISHED = "RESTORE_UNFINISHED";

export async function restore(drill) {
  const { random } = drill;
  const [oldest] = drill.scheduled().reverse();
  const id = oldest && random.chance(0.5) ? oldest : random.pick([...drill.snapshots.keys()]);
  const restoring = new Restoring(drill, id);
  await restoring.killed(random.chance(0.4));
  while (!restoring.isOver()) {
    const canGoOn = restoring.cursor && random.chance(0.5);
    if (!canGoOn) await restoring.beginAgain();
    if (random.chance(0.3)) await restoring.killed(false);
    else await restoring.whole();
  }
}

class Restoring {
  constructor(drill, id) {
    this.drill = drill;
    this.id = id;
    this.before = drill.state;
    this.target = drill.snapshots.get(id).state;
    this.isInParts = drill.random.chance(0.6);
    this.maxRows = this.isInParts ? 1 + Math.floor(countOf(this.target) * (0.2 + 0.5 * drill.random.next())) : undefined;
  }

  isOver() {
    return this.finished || this.refused;
  }

  /** Calls until the last row, from where the last acknowledged one ended. */
  async run(client) {
    do {
      const request = { id: this.id, replace: true, from: this.cursor, maxRows: this.maxRows };
      const { status, body } = await client.ask("backup/restore", request);
      // A run of the trigger may have deleted the snapshot before the restore took the lease.
      if (status !== 200 && this.isRacing) return { status, error: JSON.stringify(body) };
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual(body.errors, []);
      this.cursor = body.next ?? undefined;
      if (!body.next) this.acknowledged = body;
    } while (this.cursor);
    return { status: 200 };
  }

  /** Runs it and kills it; `isRacing` has the trigger fire meanwhile. */
  async killed(isRacing) {
    const { drill } = this;
    this.isRacing = isRacing;
    const lead = drill.random.below(400);
    this.lastLease ??= (await drill.victim.lease())?.lease ?? 0;
    const night = isRacing ? drill.victim.nextNight() : undefined;
    const { value } = await drill.killIn(this.isInParts ? "restore in parts" : "restore", async (client) => {
      const racing = isRacing && sleep(lead).then(() => client.trigger(night)).catch(() => {});
      const answer = await this.run(client);
      return { ...answer, isGreen: await racing };
    });
    await this.check();
    if (value?.isGreen) assert.ok(drill.snapshots.has(night.toISOString()), `${night.toISOString()} is green and not listed`);
    if (value && value.status !== 200) {
      // Refused for a reason, and nothing was changed.
      assert.ok(!drill.snapshots.has(this.id), `the restore of ${this.id} was refused: ${value.error}`);
      this.refused = true;
    }
    if (!drill.snapshots.has(this.id)) this.refused = true;
    this.isRacing = false;
  }

  /** What must be true of a restore wherever it was cut off. */
  async check() {
    const { drill, before, target } = this;
    const lease = await drill.victim.lease();
    const isOurs = lease && lease.lease > this.lastLease;
    const state = isOurs ? lease.state : undefined;
    const after = await drill.victim.state();
    if (this.acknowledged) assert.equal(state, "finished");
    if (state === "finished") {
      assertSame(after, target, `the restore of ${this.id} is finished, and the rows are others`);
      this.finished = true;
    } else if (state === "running" && lease.begun) {
      assertRowsOf(after, [before, target], "a row of neither state in the middle of a restore");
    } else {
      assertSame(after, before, "a restore changed rows before it began");
    }
    drill.state = after;
    // Half of a restore is no state.
    await drill.checkSnapshots(this.finished ? drill.is(before, target) : drill.is(before));
    drill.counted(`restore left ${state === "running" && lease.begun ? "half done" : (state ?? "not begun")}`);
    return { lease, isOpen: state === "running" };
  }

  /** The trigger, and an operator's snapshot, are refused, and change nothing. */
  async refusesSnapshots() {
    const { drill } = this;
    assert.equal(await drill.victim.trigger(drill.victim.nextNight()), false, "the trigger succeeded in the middle of a restore");
    const { status, body } = await drill.victim.ask("backup/create");
    assert.ok(status === 409 && [IN_PROGRESS, UNFINISHED].includes(body.error.code), JSON.stringify(body));
    await drill.checkSnapshots(() => "no snapshot was to be taken in the middle of a restore");
  }

  async beginAgain() {
    const { drill, id } = this;
    const { lease, isOpen } = await this.check();
    this.cursor = undefined;
    if (!isOpen) return;
    await this.refusesSnapshots();
    const { status, body } = await drill.victim.ask("backup/restore", { id, replace: true });
    assert.ok(status === 409 && body.error.code === IN_PROGRESS, JSON.stringify(body));
    await drill.victim.expireLease();
    if (lease.begun) {
      await this.refusesSnapshots();
      const other = [...drill.snapshots.keys()].find((key) => key !== id);
      const { status, body } = await drill.victim.ask("backup/restore", { id: other, replace: true });
      assert.ok(status === 409 && body.error.code === UNFINISHED, JSON.stringify(body));
    } else if (drill.snapshots.get(id).cron) {
      // Nothing was changed, so the trigger goes on; the retention keeps what the restore needs.
      for (let night = 0; night < 3; night++) await drill.triggerWhole();
      assert.ok(drill.snapshots.has(id));
      drill.counted("restore kept its snapshot from the retention");
    }
  }

  async whole() {
    await this.run(this.drill.victim);
    await this.check();
    assert.ok(this.finished, "the restore ended, and its lease is not finished");
  }
}
