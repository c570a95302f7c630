// A client of live queries, over a socket of Miniflare.
import assert from "node:assert/strict";

/** A socket of a shard, and the frames that came. */
export class Client {
  static async open(from, shard, { token, headers } = {}) {
    const query = new URLSearchParams({ shard, ...(token && { token }) });
    const response = await from.dispatchFetch(`http://live.test/_lunora/ws?${query}`, { headers: { upgrade: "websocket", ...headers } });
    if (response.status !== 101) return response;
    const client = new Client();
    client.frames = [];
    client.waiting = [];
    client.socket = response.webSocket;
    client.socket.addEventListener("message", ({ data }) => client.push(data === "lunora-pong" ? data : JSON.parse(data)));
    client.socket.addEventListener("close", ({ code, reason }) => client.push({ type: "closed", code, reason }));
    client.socket.accept();
    return client;
  }

  push(frame) {
    const next = this.waiting.shift();
    if (next) next(frame);
    else this.frames.push(frame);
  }

  next() {
    if (this.frames.length > 0) return Promise.resolve(this.frames.shift());
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("no frame came within 10 s")), 10_000);
      this.waiting.push((frame) => (clearTimeout(timer), resolve(frame)));
    });
  }

  say(frame) {
    this.socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  subscribe(id, functionPath, rest = {}) {
    this.say({ type: "subscribe", id, query: { functionPath, args: {}, ...rest } });
  }

  /** Subscribes, and returns the first value's frame. */
  async first(id, functionPath, rest) {
    this.subscribe(id, functionPath, rest);
    assert.deepEqual(await this.next(), { type: "ack", id });
    return this.next();
  }

  async nothing() {
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.deepEqual(this.frames, []);
  }
}
