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
