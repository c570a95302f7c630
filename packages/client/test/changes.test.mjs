import assert from "node:assert/strict";
import { test } from "node:test";
import { changes } from "../dist/changes.js";
import { liveClient, settle } from "./support.mjs";

const row = (id, time, text) => ({ _id: id, _creationTime: time, text });

async function watching() {
  const it = liveClient(undefined, { changes });
  it.watch();
  await settle();
  const [socket] = it.sockets;
  socket.open();
  const delta = (op, key, row, cursor) =>
    socket.say({ type: "delta", id: "sub_1", delta: { table: "t", op, key, row }, ...(cursor && { cursor, epoch: "e" }) });
  return { ...it, socket, delta };
}

test("announces_that_it_takes_changes_only_if_it_is_given_them", async () => {
  const { socket } = await watching();
  assert.deepEqual(socket.frames("connect")[0].caps, ["pageDelta"]);
  const plain = liveClient();
  plain.watch();
  await settle();
  plain.sockets[0].open();
  assert.equal("caps" in plain.sockets[0].frames("connect")[0], false);
});

test("applies_changes_of_rows_and_shows_a_run_of_them_once", async () => {
  const { socket, delta, shown, sockets, clock } = await watching();
  socket.answer("sub_1", [row("a", 1, "x"), row("c", 3, "x"), row("d", 4, "x")], 5);
  delta("delete", "d");
  delta("update", "c", row("c", 3, "y"));
  assert.equal(shown.length, 1);
  delta("insert", "b", row("b", 2, "x"), 6);
  assert.deepEqual(shown.at(-1), [row("a", 1, "x"), row("b", 2, "x"), row("c", 3, "y")]);
  assert.equal(shown.length, 2);
  // The value that was shown before is not changed.
  assert.deepEqual(shown[0].map(({ _id }) => _id), ["a", "c", "d"]);
  sockets[0].lose();
  await clock.tick(250);
  assert.equal(sockets[1].open().frames("subscribe")[0].query.sinceSeq, 6);
});

test("a_position_counts_only_once_every_change_before_it_came", async () => {
  const { socket, delta, sockets, clock } = await watching();
  socket.answer("sub_1", [row("a", 1, "x"), row("b", 2, "x")], 5);
  delta("delete", "b");
  socket.lose();
  await clock.tick(250);
  assert.equal(sockets[1].open().frames("subscribe")[0].query.sinceSeq, 5);
});

test("places_new_rows_in_pages_and_in_lists_that_begin_with_the_newest", async () => {
  const { socket, delta, shown } = await watching();
  socket.answer("sub_1", { page: [row("c", 3, "x"), row("a", 1, "x")], isDone: true, continueCursor: null }, 5);
  delta("insert", "b", row("b", 2, ["$lunora.wire$", "undefined"]), 6);
  delta("insert", "d", row("d", 4, "x"), 7);
  delta("insert", "0", row("0", 0, "x"), 8);
  assert.deepEqual(shown.at(-1).page.map(({ _id }) => _id), ["d", "c", "b", "a", "0"]);
  assert.deepEqual([shown.at(-1).isDone, shown.length], [true, 4]);
});
