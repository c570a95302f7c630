// States of the drill's shards, and where they may lie: rows as the bytes that an export gives.
import assert from "node:assert/strict";

/** A generator of numbers from 0 to 1 that a seed determines (mulberry32), and what is drawn of it. */
export class Random {
  constructor(seed) {
    this.seed = seed >>> 0;
  }

  next() {
    this.seed = (this.seed + 0x6d2b79f5) >>> 0;
    let t = this.seed;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  below(limit) {
    return Math.floor(this.next() * limit);
  }

  chance(probability) {
    return this.next() < probability;
  }

  pick(items) {
    return items[this.below(items.length)];
  }

  sample(items, count) {
    const left = [...items];
    return Array.from({ length: Math.min(count, left.length) }, () => left.splice(this.below(left.length), 1)[0]);
  }
}

const EXPORTED = /^\{"table":"notes","shardKey":("(?:[^"\\]|\\.)*"),"doc":(\{.*\})\}$/;
const ROW = /^\{"table":"notes","doc":(\{.*\})\}$/;

/** The rows of each shard by their ids, of an export that names the shards. */
export function stateOfExport(text) {
  const state = new Map();
  for (const line of linesOf(text)) {
    const [, key, doc] = EXPORTED.exec(line) ?? assert.fail(`an exported line is no row: ${line.slice(0, 200)}`);
    const rows = shardOf(state, JSON.parse(key));
    const { _id } = JSON.parse(doc);
    assert.ok(!rows.has(_id), `the row ${_id} is exported twice`);
    rows.set(_id, doc);
  }
  return state;
}

/** The state that a snapshot holds: the rows of each shard with the changes that follow them. */
export function stateOfSnapshot(manifest, text) {
  const state = new Map();
  const lines = linesOf(text);
  let at = 0;
  for (const { shardKey, rows: count, watermarks = 0, replies = 0, changes = 0 } of manifest.shards) {
    const rows = new Map();
    for (const line of lines.slice(at, (at += count))) {
      const [, doc] = ROW.exec(line) ?? assert.fail(`a line of ${manifest.id} is no row: ${line.slice(0, 200)}`);
      const { _id } = JSON.parse(doc);
      assert.ok(!rows.has(_id), `the snapshot ${manifest.id} has the row ${_id} twice`);
      rows.set(_id, doc);
    }
    for (const line of lines.slice(at, (at += watermarks + replies))) {
      assert.match(line, /^\{"\$(watermark|reply)":/, `a line of ${manifest.id} is not of a client`);
    }
    for (const line of lines.slice(at, (at += changes))) {
      const { table, id, doc } = JSON.parse(line).$change;
      assert.equal(table, "notes");
      if (doc === undefined || doc === null) rows.delete(id);
      else rows.set(id, JSON.stringify(doc));
    }
    if (rows.size > 0) state.set(shardKey, rows);
  }
  assert.equal(at, lines.length, `the manifest of ${manifest.id} tells of ${at} lines, its object has ${lines.length}`);
  return state;
}

function linesOf(text) {
  return text.split("\n").filter(Boolean);
}

/** The rows of a shard, which are added to the state where it has none. */
export function shardOf(state, key) {
  if (!state.has(key)) state.set(key, new Map());
  return state.get(key);
}

/** How two states differ first; `null` where they are the same, byte for byte. */
export function difference(found, expected) {
  for (const key of new Set([...found.keys(), ...expected.keys()])) {
    const differs = differenceOfRows(found.get(key) ?? new Map(), expected.get(key) ?? new Map());
    if (differs) return `shard ${key}: ${differs}`;
  }
  return null;
}

/** Fails where two states are not the same, byte for byte. */
export function assertSame(found, expected, what) {
  const differs = difference(found, expected);
  assert.equal(differs, null, `${what}: ${differs}`);
}

export function differenceOfRows(found, expected) {
  for (const [id, doc] of expected) {
    if (!found.has(id)) return `row ${id} (${label(doc)}) is missing; ${found.size} rows, expected ${expected.size}`;
    if (found.get(id) !== doc) return `row ${id} is ${found.get(id).slice(0, 120)}, expected ${doc.slice(0, 120)}`;
  }
  for (const [id, doc] of found) {
    if (!expected.has(id)) return `row ${id} (${label(doc)}) should not exist; ${found.size} rows, expected ${expected.size}`;
  }
  return null;
}

/** Fails if a row is in no state. */
export function assertRowsOf(found, states, what) {
  for (const [key, rows] of found) {
    for (const [id, doc] of rows) {
      const isKnown = states.some((state) => state.get(key)?.get(id) === doc);
      assert.ok(isKnown, `${what}: shard ${key}: row ${id} (${label(doc)})`);
    }
  }
}

export function label(doc) {
  return JSON.parse(doc).text.split(" ", 2).join(" ");
}

export function countOf(state) {
  return [...state.values()].reduce((sum, rows) => sum + rows.size, 0);
}

/**
 * What mutations did to a state, told from the state afterwards. Each entry of the log is
 * `{shard, add: {label, count, bytes}}` or `{shard, remove: id}`, with `acknowledged`; it gets `effect`, a
 * function over the rows of its shard, if it was done. Whatever else the state holds fails.
 */
export function settle(before, log, after) {
  const expected = new Map([...before].map(([key, rows]) => [key, new Map(rows)]));
  for (const entry of log) {
    const { shard, add, remove, acknowledged } = entry;
    const found = after.get(shard) ?? new Map();
    if (add) {
      const added = [...found].filter(([, doc]) => label(doc).split(" ")[0] === add.label);
      if (added.length === 0 && !acknowledged) continue;
      const what = acknowledged ? "acknowledged" : "unacknowledged";
      assert.equal(added.length, add.count, `an ${what} mutation of ${add.count} rows in ${shard} is there by ${added.length}`);
      const texts = Array.from({ length: add.count }, (_, n) => textOf(add, n));
      assert.deepEqual(added.map(([, doc]) => JSON.parse(doc).text).sort(), texts.sort());
      assert.ok(added.every(([, doc]) => JSON.parse(doc).folder === shard));
      entry.effect = (rows) => added.forEach(([id, doc]) => rows.set(id, doc));
    } else {
      if (found.has(remove) && !acknowledged) continue;
      entry.effect = (rows) => rows.delete(remove);
    }
    entry.effect(shardOf(expected, shard));
  }
  assertSame(after, expected, `after ${log.length} mutations`);
}

function textOf({ label, bytes }, number) {
  return `${label} ${number} ${"ü".repeat(bytes / 2)}`;
}

/**
 * Why a snapshot is no state of shards that went from `before` through the log; `null` where it is one.
 * Each shard must hold its first mutations: at least the `floor` ones that were acknowledged before.
 */
export function strayFrom(found, before, log, floor) {
  for (const key of new Set([...found.keys(), ...before.keys(), ...log.map(({ shard }) => shard)])) {
    const entries = log.filter(({ shard, effect }) => shard === key && effect);
    const rows = new Map(before.get(key) ?? []);
    const differs = [];
    for (let done = 0; done <= entries.length; done++) {
      if (done > 0) entries[done - 1].effect(rows);
      if (done >= (floor.get(key) ?? 0)) differs.push(differenceOfRows(found.get(key) ?? new Map(), rows));
    }
    if (!differs.includes(null)) return `shard ${key} holds none of ${differs.length} states: ${differs.at(-1)}`;
  }
  return null;
}
