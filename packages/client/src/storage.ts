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
  shard?: string | undefined;
  /** Identifies the client that made the write. */
  clientId: string;
  /** Names the user that made the write; absent if it was not known. */
  subject?: string | null | undefined;
  /** Orders the writes of a shard. */
  order: number;
  /** Holds how the write ended, for another tab that waits for it. */
  outcome?: { at: number; result?: unknown; commitCursor?: number; error?: ErrorBody & { code: string; status: number } };
}

/** Keeps the writes of an outbox. */
export interface OutboxStorage {
  /** Names the writes for the lock that keeps two tabs from sending them at once; the deployment's name if absent. */
  readonly name?: string;
  /** Returns all writes, in any order. */
  list(): Promise<QueuedWrite[]>;
  /** Adds a write, or replaces the one with its id. */
  put(write: QueuedWrite): Promise<void>;
  /** Removes a write, if it is there. */
  delete(id: string): Promise<void>;
  /** Calls `heard` when another tab has changed the writes, with the id of a removed one. */
  watch?(heard: (removed?: string) => void): void;
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

const STORE = "writes";

/** Keeps writes in IndexedDB: they survive reloads, and the tabs of an origin share them. */
export class IndexedDbStorage implements OutboxStorage {
  readonly name: string;
  #database: Promise<IDBDatabase>;
  #tabs: BroadcastChannel;

  constructor(name: string) {
    this.name = name;
    this.#tabs = new BroadcastChannel(name);
    this.#database = new Promise((resolve, reject) => {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    // Each use of it reports the failure.
    this.#database.catch(() => {});
  }

  list(): Promise<QueuedWrite[]> {
    return this.#run("readonly", (writes) => writes.getAll());
  }

  watch(heard: (removed?: string) => void): void {
    this.#tabs.onmessage = ({ data }) => heard(data);
  }

  put(write: QueuedWrite): Promise<void> {
    return this.#run<any>("readwrite", (writes) => writes.put(write));
  }

  delete(id: string): Promise<void> {
    return this.#run("readwrite", (writes) => writes.delete(id), id);
  }

  async #run<T>(mode: IDBTransactionMode, work: (writes: IDBObjectStore) => IDBRequest<T>, removed?: string): Promise<T> {
    const transaction = (await this.#database).transaction(STORE, mode);
    const request = work(transaction.objectStore(STORE));
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => {
        if (mode === "readwrite") this.#tabs.postMessage(removed);
        resolve(request.result);
      };
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  }
}
