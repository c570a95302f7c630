import { backoff, type Clock } from "./clock.js";
import { decode, encode } from "./codec.js";
import { LunoraError, isAuthError } from "./errors.js";
import { toError, type Answer } from "./http.js";
import type { OutboxStorage, QueuedWrite } from "./storage.js";

const LONGEST_BACKOFF_MS = 60_000;
/** How long the outcome of a write waits for the tab that made it. */
const OUTCOME_MS = 60_000;

/** What happened to a write of the outbox. */
export type WriteEvent =
  | { type: "queued"; write: QueuedWrite }
  | { type: "sent"; write: QueuedWrite; value: unknown }
  | { type: "refused"; write: QueuedWrite; error: LunoraError }
  /** A write was discarded, or another tab has changed the writes. */
  | { type: "changed" };

/** The part of the Web Locks API that keeps two tabs from sending at once. */
export interface Locks {
  request<T>(name: string, work: () => Promise<T>): Promise<T>;
}

/** What an outbox needs of its client. */
export interface OutboxHost {
  clock: Clock;
  storage: OutboxStorage;
  locks: Locks | undefined;
  /** Names the locks of this deployment. */
  name: string;
  send(write: QueuedWrite): Promise<Answer>;
  /** Returns the code of the reason why a write must not be sent now. */
  check(write: QueuedWrite): Promise<"IDENTITY_MISMATCH" | "UNAUTHORIZED" | undefined>;
  tell(event: WriteEvent): void;
}

/** The sending of the writes of one shard. */
interface Run {
  /** Tells whether another pass is due. */
  again: boolean;
  /** Ends the delay before it. */
  wake?: () => void;
  pass?: Promise<void>;
}

/** What a waiting caller is told. */
interface Waiting {
  subject: string | null | undefined;
  isForeign?: boolean;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
  /** Hears that the write is sent, and may be applied from now on. */
  sending(): void;
}

/** Sends queued writes, once and in their order per shard, until each is answered. */
export class Outbox {
  #host: OutboxHost;
  #waiting = new Map<string, Waiting>();
  #running = new Map<string | undefined, Run>();
  #adding: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(host: OutboxHost) {
    this.#host = host;
    host.storage.watch?.((removed) => this.#changed(removed));
  }

  /** Keeps a write and sends it. Resolves with its answer, and rejects if it is refused. */
  add(write: Omit<QueuedWrite, "order">, sending: () => void): Promise<Answer> {
    const { storage, clock, tell } = this.#host;
    return new Promise((resolve, reject) => {
      this.#waiting.set(write.id, { subject: write.subject, resolve, reject, sending });
      // One after another, so that the order is that of the calls.
      this.#adding = this.#adding
        .then(async () => {
          const others = await storage.list();
          const queued = { ...write, order: Math.max(clock.now(), ...others.map(({ order }) => order + 1)) };
          await storage.put(queued);
          tell({ type: "queued", write: queued });
          void this.#drain(write.shard);
        })
        .catch((error) => this.#take(write.id)?.reject(error));
    });
  }

  /** Sends what waits, without the rest of any delay. */
  async flush(): Promise<void> {
    for (const run of this.#running.values()) run.wake?.();
    // `add` reports a storage that fails.
    for (const { shard } of await this.pending().catch(() => [])) void this.#drain(shard);
  }

  /** Waits for the writes of a shard that are being sent. */
  async settled(shard: string | undefined): Promise<void> {
    await this.#adding;
    await this.#running.get(shard)?.pass?.catch(() => {});
  }

  /** Returns what waits to be sent, in its order. */
  async pending(): Promise<QueuedWrite[]> {
    const writes = await this.#host.storage.list();
    return writes.filter(({ outcome }) => !outcome).sort((a, b) => a.order - b.order);
  }

  /** Removes a write that waits. */
  async discard(id: string): Promise<void> {
    await this.#host.storage.delete(id);
    this.#changed(id);
  }

  /** Refuses the writes of this page whose user is not known: another user may be signed in now. */
  disown(): void {
    for (const waiting of this.#waiting.values()) waiting.isForeign = waiting.subject === undefined;
  }

  close(): void {
    this.#isClosed = true;
    for (const run of this.#running.values()) run.wake?.();
  }

  /** Takes note of a change of the storage. A write is removed before its answer only if it was discarded. */
  #changed(removed?: string): void {
    if (removed) this.#take(removed)?.reject(new LunoraError({ code: "DISCARDED" }));
    if (!this.#isClosed) this.#host.tell({ type: "changed" });
  }

  async #drain(shard: string | undefined): Promise<void> {
    const known = this.#running.get(shard);
    if (known) {
      known.again = true;
      return;
    }
    const run: Run = { again: true };
    this.#running.set(shard, run);
    const { clock, locks, name } = this.#host;
    for (let attempt = 0; run.again && !this.#isClosed; ) {
      run.again = false;
      const pass = (): Promise<void> => this.#pass(shard, () => (attempt = 0));
      try {
        run.pass = locks ? locks.request(`${name}:${shard ?? ""}`, pass) : pass();
        await run.pass;
      } catch (error) {
        run.again = true;
        const asked = ((error as LunoraError)?.data as { retryAfterMs?: number } | undefined)?.retryAfterMs ?? 0;
        const delay = Math.max(backoff(clock, attempt++, LONGEST_BACKOFF_MS), Math.min(asked, LONGEST_BACKOFF_MS));
        let timer: unknown;
        await new Promise<void>((resolve) => {
          run.wake = resolve;
          timer = clock.setTimeout(resolve, delay);
        });
        clock.clearTimeout(timer);
      }
    }
    this.#running.delete(shard);
  }

  /** Sends the writes of a shard until none waits. Throws if one has to be sent again. */
  async #pass(shard: string | undefined, progress: () => void): Promise<void> {
    const { storage, clock } = this.#host;
    while (!this.#isClosed) {
      for (const { id, outcome } of await storage.list()) {
        if (!outcome || (!this.#waiting.has(id) && clock.now() - outcome.at < OUTCOME_MS)) continue;
        await storage.delete(id);
        const { error } = outcome;
        if (error) this.#take(id)?.reject(toError(error, error.status));
        else this.#take(id)?.resolve(outcome);
      }
      const next = (await this.pending()).find((write) => write.shard === shard);
      if (!next) return;
      await this.#send(next);
      progress();
    }
  }

  async #send(write: QueuedWrite): Promise<void> {
    const host = this.#host;
    const waiting = this.#waiting.get(write.id);
    let answer: Answer;
    try {
      const reason = waiting?.isForeign ? "IDENTITY_MISMATCH" : await host.check(write);
      if (reason) throw new LunoraError({ code: reason, message: "the user of the write is signed out" });
      waiting?.sending();
      answer = await host.send(write);
    } catch (error) {
      if (!(error instanceof LunoraError) || error.isTransient || isAuthError(error)) throw error;
      const { status, message, data } = error;
      const code = error.code === "IDENTITY_MISMATCH" ? "OFFLINE_IDENTITY_CHANGED" : error.code;
      const refusal = new LunoraError({ ...error, code, message }, status);
      await this.#end(write, { error: { ...refusal, message, data: encode(data) } });
      this.#take(write.id)?.reject(refusal);
      return host.tell({ type: "refused", write, error: refusal });
    }
    await this.#end(write, answer);
    this.#take(write.id)?.resolve(answer);
    host.tell({ type: "sent", write, value: decode(answer.result) });
  }

  /** Removes a write of this page; leaves the outcome of another one for the tab that may wait for it. */
  async #end(write: QueuedWrite, outcome: Omit<NonNullable<QueuedWrite["outcome"]>, "at">): Promise<void> {
    const { storage, clock } = this.#host;
    if (this.#waiting.has(write.id)) await storage.delete(write.id);
    else await storage.put({ ...write, outcome: { ...outcome, at: clock.now() } });
  }

  #take(id: string): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }
}
