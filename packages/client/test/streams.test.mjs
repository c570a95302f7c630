// A stream over a fake socket.
import assert from "node:assert/strict";
import { test } from "node:test";
import { LunoraError } from "../dist/index.js";
import { stream } from "../dist/streams.js";
import { fakeSockets, settle } from "./support.mjs";

const chunk = (data) => ({ type: "chunk", id: "stream_1", data });

/** Reads a stream and gathers what comes. */
async function reading({ url = "https://app.test/", token, signal, most = Infinity } = {}) {
  const { WebSocket, sockets } = fakeSockets();
  const chunks = [];
  const end = (async () => {
    for await (const each of stream({ url, token, WebSocket }, "m:tell", { at: 7n }, { shard: "a b", signal })) {
      chunks.push(each);
      if (chunks.length === most) break;
    }
  })();
  end.catch(() => {});
  await settle();
  return { chunks, end, socket: sockets[0] };
}

test("yields_each_chunk_in_order_until_the_stream_is_complete", async () => {
  const { chunks, end, socket } = await reading({ token: async () => "t" });
  assert.equal(socket.url.href, "wss://app.test/_lunora/ws?shard=a+b&token=t");
  socket.open();
  assert.deepEqual(socket.sent, [
    { type: "stream", id: "stream_1", query: { functionPath: "m:tell", args: { at: ["$lunora.wire$", "bigint", "7"] } } },
  ]);
  socket.say(chunk("a"));
  socket.say(chunk(["$lunora.wire$", "bigint", "8"]));
  socket.say(chunk("c"));
  socket.say({ type: "complete", id: "stream_1" });
  await end;
  assert.deepEqual(chunks, ["a", 8n, "c"]);
  assert.equal(socket.isClosed, true);
});

test("throws_the_error_of_the_function_after_the_chunks_before_it", async () => {
  const { chunks, end, socket } = await reading();
  socket.open();
  socket.say(chunk(1));
  socket.say({ type: "error", id: "stream_1", code: "CONFLICT", error: { code: "CONFLICT", message: "no" }, message: "no" });
  await assert.rejects(end, (error) => error instanceof LunoraError && error.code === "CONFLICT" && error.message === "no");
  assert.deepEqual(chunks, [1]);
});

test("a_lost_connection_and_an_aborted_signal_end_the_loop", async () => {
  const lost = await reading();
  lost.socket.open();
  lost.socket.lose();
  await assert.rejects(lost.end, { code: "STREAM_DISCONNECTED" });
  const abort = new AbortController();
  const aborted = await reading({ signal: abort.signal });
  aborted.socket.open();
  abort.abort(new Error("enough"));
  await assert.rejects(aborted.end, { message: "enough" });
  assert.equal(aborted.socket.isClosed, true);
});

test("leaving_the_loop_closes_the_socket", async () => {
  const { end, socket } = await reading({ most: 1 });
  socket.open();
  socket.say(chunk(1));
  await end;
  assert.equal(socket.isClosed, true);
});
