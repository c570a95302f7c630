import { readAll, utf8 } from "./bodies.js";
import { ask, send, stubOf } from "./objects.js";
import { Pending, tellsAborts } from "./tasks.js";

/** The most bytes of answers that are kept before wasm takes them. */
const MOST_KEPT = 262144;
const FIRST_BLOCK = 32768;
const NOTHING = new Uint8Array(0);

/**
 * Answers of several objects that wasm has not taken yet. Wasm holds this, and so it holds nothing that
 * waits for the runtime.
 */
class Answers {
  heads = [];
  /** The bodies, one after the other, up to `length`. */
  bodies = NOTHING;
  length = 0;
  failures = [];
  isDone = false;
  paused = [];

  get isDue() {
    return this.isDone || this.length >= MOST_KEPT || this.failures.length > 0;
  }

  add(head, bytes) {
    this.heads.push(head);
    if (bytes === undefined) return;
    const end = this.length + bytes.byteLength;
    if (end > this.bodies.byteLength) {
      const { bodies } = this;
      this.bodies = new Uint8Array(Math.max(FIRST_BLOCK, Math.min(2 * end, end + MOST_KEPT)));
      this.bodies.set(bodies.subarray(0, this.length));
    }
    this.bodies.set(bytes, this.length);
    this.length = end;
  }

  give(pending) {
    if (this.failures.length > 0) return pending.failure(...this.failures.shift());
    if (this.heads.length === 0) return pending.value();
    const { heads, paused } = this;
    const all = this.bodies.subarray(0, this.length);
    Object.assign(this, { heads: [], bodies: NOTHING, length: 0, paused: [] });
    pending.answers(heads.join("\n"), all);
    for (const resume of paused) resume();
  }
}

/** The value of a header in a packed head. */
function valueOf(name, head) {
  const at = head.indexOf(`\n${name}:`);
  return at === -1 ? "" : head.slice(at + name.length + 2).split("\n", 1)[0];
}

/** The bytes, out of a budget that has that many left. */
function taken(bytes, budget) {
  if (bytes.byteLength > budget.left) return undefined;
  budget.left -= bytes.byteLength;
  return bytes;
}

/** Calls of several objects with the same headers, some of them at once. See `each.rs`. */
class Round {
  #namespace;
  #url;
  #headers;
  #objects;
  /** The body for the objects that have none of their own. */
  #body;
  #jurisdiction;
  /** The name of a header that wasm wants of each answer, or nothing. */
  #wanted;
  #limit;
  #most;
  /** What is left to all answers together, if the limits are not those of each. */
  #shared;
  #next = 0;
  #answered = 0;
  /** By start, and so by the time until which they may take: the limit is one. */
  #running = new Set();
  #timer;
  #waiting;
  answers = new Answers();

  constructor(namespace, plan) {
    let at = plan.indexOf("\n");
    const [url, atOnce, limit, most, shared, wanted, jurisdiction, headers, ...objects] = plan.slice(0, at++).split(",");
    const take = (length) => plan.slice(at, (at += Number(length)));
    this.#namespace = namespace;
    this.#url = url;
    this.#limit = Number(limit);
    this.#most = Number(most);
    if (shared) this.#shared = { until: Date.now() + this.#limit, left: this.#most };
    this.#wanted = wanted;
    this.#jurisdiction = jurisdiction;
    this.#headers = take(headers);
    this.#objects = objects.map((head) => {
      const [name, hint, body] = head.split(":");
      return { name: take(name), hint, body: body && take(body) };
    });
    this.#body = plan.slice(at);
    for (let n = Math.min(Number(atOnce), objects.length); n > 0; n--) this.#work();
  }

  stop() {
    this.#next = this.#objects.length;
  }

  /** Gives `pending` the answers, once it is time to. */
  wait(pending) {
    this.#waiting = pending;
    this.#offer();
  }

  #offer() {
    const { answers } = this;
    const pending = this.#waiting;
    if (pending === undefined || !answers.isDue) return;
    this.#waiting = undefined;
    answers.give(pending);
  }

  async #work() {
    const { answers } = this;
    while (this.#next < this.#objects.length) {
      const place = this.#next++;
      if (this.#shared?.until <= Date.now()) answers.add(`${place}:unasked`);
      else await this.#inTime(place);
      answers.isDone = ++this.#answered === this.#objects.length;
      this.#offer();
      if (answers.length >= MOST_KEPT) await new Promise((resume) => answers.paused.push(resume));
    }
  }

  /** Calls an object, until the limit at most. */
  #inTime(place) {
    const { answers } = this;
    return new Promise((over) => {
      const running = {
        until: this.#shared?.until ?? Date.now() + this.#limit,
        late: () => end(() => answers.add(`${place}:late`)),
      };
      // The first outcome counts: an answer may come after the limit.
      const end = (note) => {
        if (this.#running.delete(running)) note();
        over();
      };
      const answered = (head, bytes) => end(() => answers.add(`${place}:${head}`, bytes));
      const failed = (error, status = "") => end(() => answers.failures.push([place + status, error]));
      this.#running.add(running);
      this.#timer ??= setTimeout(this.#expire, running.until - Date.now());
      this.#call(this.#objects[place], answered, failed).catch(failed);
    });
  }

  async #call({ name, hint, body }, answered, failed) {
    const stub = stubOf(this.#namespace, name, this.#jurisdiction, hint);
    if (stub === undefined) return answered("jurisdiction");
    // For RPC, see `callShard`.
    const way = tellsAborts ? ask : (_, ...call) => send(...call);
    const answer = await way(this.#namespace, stub, "POST", this.#url, this.#headers, body || this.#body);
    const budget = this.#shared ?? { left: this.#most };
    const read = (status, header, bytes) => answered(`${status}:${bytes?.byteLength ?? "large"}:${header}`, bytes);
    if (typeof answer === "string") {
      const end = answer.indexOf("\n\n");
      const header = this.#wanted && valueOf(this.#wanted, answer.slice(0, end));
      return read(answer.slice(0, 3), header, taken(utf8.encode(answer.slice(end + 2)), budget));
    }
    const { status, headers } = answer;
    const header = (this.#wanted && headers.get(this.#wanted)) ?? "";
    await readAll(answer, budget, (bytes) => read(status, header, bytes)).catch((error) => failed(error, `:${status}`));
  }

  /** One timer watches over all calls. */
  #expire = () => {
    this.#timer = undefined;
    const now = Date.now();
    for (const running of this.#running) {
      if (running.until > now) {
        this.#timer = setTimeout(this.#expire, running.until - now);
        return;
      }
      running.late();
    }
  };
}

/** Calls several objects. What is returned has their answers, for `nextAnswers`. */
export function callEach(namespace, plan) {
  const round = new Round(namespace, plan);
  return { answers: round.answers, round: new WeakRef(round) };
}

/** Answers to the slot: those that are there, as soon as that is much; `undefined` after the last. */
export function nextAnswers({ answers, round }, slot) {
  const pending = new Pending(slot, () => round.deref()?.stop());
  // Not synchronously: the task does not wait for it yet.
  if (answers.isDue) Promise.resolve(pending).then((pending) => answers.give(pending));
  else round.deref()?.wait(pending);
}

/** No further object is called. */
export function stopCalls({ round }) {
  round.deref()?.stop();
}
