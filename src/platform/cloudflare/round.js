import { Pending, SHARD_RPC, ask, giveBack, joined, readAll, send, stubOf, tellsAborts, utf8 } from "./glue.js";

/** The most bytes of answers that are kept before wasm takes them. */
const MOST_KEPT = 262144;

/**
 * Answers of several objects that wasm has not taken yet. Wasm holds this, and so it holds nothing that
 * waits for the runtime.
 */
class Answers {
  heads = [];
  pieces = [];
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
    this.pieces.push(bytes);
    this.length += bytes.byteLength;
  }

  give(pending) {
    if (this.failures.length > 0) return pending.failure(...this.failures.shift());
    if (this.heads.length === 0) return pending.value();
    const { heads, pieces, paused } = this;
    const all = joined(pieces, this.length);
    Object.assign(this, { heads: [], pieces: [], length: 0, paused: [] });
    pending.answers(heads.join(","), all);
    pieces.forEach(giveBack);
    for (const resume of paused) resume();
  }
}

/** Calls of several objects with the same headers and body, some of them at once. See `each.rs`. */
class Round {
  #namespace;
  #limit;
  #most;
  #jurisdiction;
  #headers;
  #objects;
  #body;
  #next = 0;
  #answered = 0;
  /** By start, and so by the time until which they may take: the limit is one. */
  #running = new Set();
  #timer;
  #waiting;
  answers = new Answers();

  constructor(namespace, plan) {
    let at = plan.indexOf("\n");
    const [atOnce, limit, most, jurisdiction, headers, ...names] = plan.slice(0, at++).split(",");
    const take = (length) => plan.slice(at, (at += Number(length)));
    this.#namespace = namespace;
    this.#limit = Number(limit);
    this.#most = Number(most);
    this.#jurisdiction = jurisdiction;
    this.#headers = take(headers);
    this.#objects = names.map((head) => {
      const [length, hint] = head.split(":");
      return { name: take(length), hint };
    });
    this.#body = plan.slice(at);
    for (let n = Math.min(Number(atOnce), names.length); n > 0; n--) this.#work();
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
      const call = this.#call(place);
      try {
        const read = await this.#inTime(call);
        if (read === undefined) answers.add(`${place}:late`);
        else if (read.broken) answers.failures.push([`${place}:${read.head}`, read.error]);
        else answers.add(`${place}:${read.head}`, read.bytes);
      } catch (error) {
        answers.failures.push([String(place), error]);
      }
      answers.isDone = ++this.#answered === this.#objects.length;
      this.#offer();
      if (answers.length >= MOST_KEPT) await new Promise((resume) => answers.paused.push(resume));
    }
  }

  async #call(place) {
    const { name, hint } = this.#objects[place];
    const stub = stubOf(this.#namespace, name, this.#jurisdiction, hint);
    if (stub === undefined) return { head: "jurisdiction" };
    // For RPC, see `callShard`.
    const way = tellsAborts ? ask : (_, ...call) => send(...call);
    const answer = await way(this.#namespace, stub, "POST", SHARD_RPC, this.#headers, this.#body);
    const isText = typeof answer === "string";
    const head = isText ? answer.slice(0, 3) : String(answer.status);
    let bytes;
    try {
      bytes = isText ? utf8.encode(answer.slice(answer.indexOf("\n\n") + 2)) : await readAll(answer, this.#most);
    } catch (error) {
      return { broken: true, head, error };
    }
    if (bytes === undefined || bytes.byteLength > this.#most) return { head: `${head}:large` };
    return { head: `${head}:${bytes.byteLength}`, bytes };
  }

  /** What `call` comes to, or `undefined` after the limit. */
  #inTime(call) {
    return new Promise((resolve, reject) => {
      const running = { until: Date.now() + this.#limit, resolve };
      const over = (settle) => (it) => {
        this.#running.delete(running);
        settle(it);
      };
      this.#running.add(running);
      this.#timer ??= setTimeout(this.#expire, this.#limit);
      call.then(over(resolve), over(reject));
    });
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
      this.#running.delete(running);
      running.resolve(undefined);
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
