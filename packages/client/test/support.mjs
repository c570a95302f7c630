// A fetch that answers as told, and a clock that moves by hand.
import { LunoraClient } from "../dist/index.js";

/** A clock that stands still until `tick`. Its jitter is the longest delay. */
export class FakeClock {
  time = 1_000_000;
  #timers = new Map();
  #next = 1;
  now = () => this.time;
  random = () => 1;
  setTimeout = (work, ms) => (this.#timers.set(this.#next, { at: this.time + ms, work }), this.#next++);
  clearTimeout = (timer) => this.#timers.delete(timer);

  /** Moves the time, and runs what is due in its order. */
  async tick(ms) {
    const end = this.time + ms;
    await settle();
    for (;;) {
      const [id, due] = [...this.#timers].sort(([, a], [, b]) => a.at - b.at)[0] ?? [];
      if (!due || due.at > end) break;
      this.#timers.delete(id);
      this.time = Math.max(this.time, due.at);
      due.work();
      await settle();
    }
    this.time = end;
  }
}

/** Lets promises go on. */
export async function settle() {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

export const json = (body, status = 200, headers = {}) => new Response(JSON.stringify(body), { status, headers });
export const refusal = (code, status = 400, rest = {}) => json({ error: { code, message: `no: ${code}`, ...rest } }, status);

/** A fetch that records requests; `answer` makes each answer. */
export function fakeFetch(answer) {
  const requests = [];
  const fetch = async (url, { headers, body, signal }) => {
    const request = { url, headers, body: JSON.parse(body), signal };
    requests.push(request);
    return answer(request, requests.length - 1);
  };
  return { fetch, requests };
}

/** A client of a fake server. */
export function fakeClient(answer, options = {}) {
  const { fetch, requests } = fakeFetch(answer);
  const clock = new FakeClock();
  const client = new LunoraClient({ url: "http://app.test/", clientId: "c1", fetch, clock, ...options });
  return { client, clock, requests };
}

/** A WebSocket class whose sockets are those of a fake shard: `sockets` lists them, the newest last. */
export function fakeSockets() {
  const sockets = [];
  class FakeSocket {
    readyState = 0;
    sent = [];
    constructor(url) {
      this.url = new URL(url);
      sockets.push(this);
    }
    send(text) {
      this.sent.push(text === "lunora-ping" ? text : JSON.parse(text));
    }
    close() {
      this.isClosed = true;
    }
    /** Opens, and answers `connect`. */
    open(subject = null) {
      this.onopen({});
      this.say({ type: "identity", subject });
      return this;
    }
    say(frame) {
      this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
    }
    /** Answers a subscription as a shard does: an acknowledgement, then the value. */
    answer(id, data, cursor, epoch = "e") {
      this.say({ type: "ack", id });
      this.say(data === undefined ? { type: "resume", id, cursor, epoch } : { type: "data", id, data, cursor, epoch });
    }
    data(id, data, cursor, epoch = "e") {
      this.say({ type: "data", id, data, cursor, epoch });
    }
    lose(code = 1006) {
      this.onclose?.({ code });
    }
    frames(type) {
      return this.sent.filter((frame) => frame.type === type);
    }
  }
  return { WebSocket: FakeSocket, sockets };
}

/** A client of a fake server with sockets, and what its one subscription showed. */
export function liveClient(answer = () => json({ result: null }), options = {}) {
  const { WebSocket, sockets } = fakeSockets();
  const made = fakeClient(answer, { WebSocket, ...options });
  const shown = [], errors = [];
  const listener = { onValue: (value) => shown.push(value), onError: ({ code }) => errors.push(code) };
  const watch = (path = "m:list", args = {}) => made.client.subscribe(path, args, { shard: "s" }, listener);
  return { ...made, sockets, shown, errors, watch };
}
