import assert from "node:assert/strict";
import { test } from "node:test";
import { paginate } from "../dist/pages.js";
import { joinPresence } from "../dist/presence.js";
import { FakeClock } from "./support.mjs";

/** A client that records subscriptions by their arguments. */
function fakePages() {
  const open = [];
  const client = {
    subscribe: (_path, args, _options, listener) => {
      const one = { args, ...listener };
      open.push(one);
      return { close: () => open.splice(open.indexOf(one), 1) };
    },
  };
  return { client, open };
}

test("a_page_keeps_its_bounds_and_the_next_begins_at_its_end", () => {
  const { client, open } = fakePages();
  const pages = paginate(client, "m:page", { by: "time" }, { numItems: 2 }, { onValue() {} });
  assert.deepEqual(open[0].args, { by: "time", cursor: null, numItems: 2 });
  open[0].onValue({ page: [9, 8], isDone: false, continueCursor: "8" });
  assert.deepEqual(open[1].args, { by: "time", cursor: null, numItems: 2, endCursor: "8" });
  open[1].onValue({ page: [9, 8], isDone: true, continueCursor: "8" });
  assert.equal(open.length, 1);
  assert.deepEqual(pages.value, { items: [9, 8], isDone: false, isLoading: false });
  pages.loadMore();
  pages.loadMore();
  assert.equal(open.length, 2);
  assert.equal(pages.value.isLoading, true);
  open[1].onValue({ page: [7], isDone: true, continueCursor: "7" });
  assert.deepEqual(pages.value, { items: [9, 8, 7], isDone: true, isLoading: false });
  open[0].onValue({ page: [10, 9, 8], isDone: true, continueCursor: "8", splitCursor: "9" });
  assert.deepEqual(pages.value.items, [10, 9, 8, 7]);
  pages.close();
  assert.equal(open.length, 0);
});

test("a_page_that_grew_is_split_without_a_gap", () => {
  const { client, open } = fakePages();
  const shown = [];
  const pages = paginate(client, "m:page", {}, { numItems: 1 }, { onValue: ({ items }) => shown.push(items) });
  open[0].onValue({ page: [9], isDone: false, continueCursor: "9" });
  open[1].onValue({ page: [9], isDone: true, continueCursor: "9" });
  open[0].onValue({ page: [11, 10, 9], isDone: true, continueCursor: "9", splitCursor: "10" });
  assert.deepEqual(open.map(({ args }) => [args.cursor, args.endCursor]), [[null, "9"], [null, "10"], ["10", "9"]]);
  open[2].onValue({ page: [9], isDone: true, continueCursor: "9" });
  assert.deepEqual(pages.value.items, [11, 10, 9]);
  open[1].onValue({ page: [11, 10], isDone: true, continueCursor: "10" });
  assert.deepEqual(pages.value.items, [11, 10, 9]);
  assert.deepEqual(shown, [[9], [9], [11, 10, 9], [11, 10, 9]]);
  assert.equal(open.length, 2);
});

test("presence_lists_the_members_and_drops_the_silent_ones", async () => {
  const clock = new FakeClock();
  const members = [];
  const said = [];
  let hear;
  const topic = { send: (data) => said.push(data), listen: (listener) => ((hear = listener), () => {}) };
  const presence = joinPresence(topic, { at: 1 }, (list) => members.push(list), clock);
  const before = said.length;
  hear({ data: { id: "x", state: { at: 2 } }, from: "bob" });
  assert.equal(said.length, before + 1);
  assert.deepEqual(members.at(-1), [{ id: "x", user: "bob", state: { at: 2 } }]);
  await clock.tick(30_000);
  assert.deepEqual(members.at(-1), []);
  presence.update({ at: 3 });
  assert.deepEqual(said.at(-1).state, { at: 3 });
  presence.close();
  assert.equal(said.at(-1).isGone, true);
});
