import type { ErrorBody } from "./errors.js";

/** A mutation that waits to be sent. It is plain JSON. */
export interface QueuedWrite {
  /** Identifies the write: the shard applies it once. */
  id: string;
  /** Names the function. */
  path: string;
  /** Holds the arguments in their wire form; `decode` returns them. */
  args: unknown;
  /** Names the shard; the default shard if absent. */
  shard?: string;
  /** Identifies the client that made the write. */
  clientId: string;
  /** Names the user that made the write; absent if it was not known. */
  subject?: string | null;
  /** Orders the writes of a shard. */
  order: number;
  /** Holds how the write ended, for another tab that waits for it. */
  outcome?: { at: number; result?: unknown; commitCursor?: number; error?: ErrorBody & { code: string; status: number } };
}

/** Keeps the writes of an outbox. */
export interface OutboxStorage {
  /** Returns all writes, in any order. */
  list(): Promise<QueuedWrite[]>;
  /** Adds a write, or replaces the one with its id. */
  put(write: QueuedWrite): Promise<void>;
  /** Removes a write, if it is there. */
  delete(id: string): Promise<void>;
}

/** Keeps writes in memory: they are lost with the process. */
export class MemoryStorage implements OutboxStorage {
  #writes = new Map<string, QueuedWrite>();

  async list(): Promise<QueuedWrite[]> {
    return [...this.#writes.values()];
  }

  async put(write: QueuedWrite): Promise<void> {
    this.#writes.set(write.id, write);
  }

  async delete(id: string): Promise<void> {
    this.#writes.delete(id);
  }
}

const promised = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** Keeps writes in IndexedDB: they survive reloads, and the tabs of an origin share them. */
export class IndexedDbStorage implements OutboxStorage {
  #database: Promise<IDBDatabase>;

  constructor(name: string) {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore("writes", { keyPath: "id" });
    this.#database = promised(request);
    this.#database.catch(() => {});
  }

  list(): Promise<QueuedWrite[]> {
    return this.#run("readonly", (writes) => writes.getAll());
  }

  async put(write: QueuedWrite): Promise<void> {
    await this.#run("readwrite", (writes) => writes.put(write));
  }

  async delete(id: string): Promise<void> {
    await this.#run("readwrite", (writes) => writes.delete(id));
  }

  async #run<T>(mode: IDBTransactionMode, work: (writes: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    const transaction = (await this.#database).transaction("writes", mode);
    const done = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
    const [result] = await Promise.all([promised(work(transaction.objectStore("writes"))), done]);
    return result;
  }
}
