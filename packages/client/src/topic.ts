import type { Shard } from "./shard.js";

/** What another socket of a topic said. */
export interface Whisper<T = unknown> {
  /** Holds what was sent. */
  data: T;
  /** Names the user of that socket; `null` if anonymous. */
  from: string | null;
}

/** Exchanges whispers with the other sockets of a topic. They are neither stored nor acknowledged. */
export class Topic {
  /** Names the topic. */
  readonly name: string;
  readonly #shard: Shard;

  /** @internal */
  constructor(shard: Shard, name: string) {
    this.#shard = shard;
    this.name = name;
  }

  /** Joins the topic and hears its whispers; returns what leaves it. `joined` is called each time a socket has joined. */
  listen<T = unknown>(hear: (whisper: Whisper<T>) => void, joined?: () => void): () => void {
    return this.#shard.join(this.name, { hear: hear as (whisper: Whisper) => void, joined });
  }

  /** Sends a value of at most 4,096 bytes to the others; it is lost while no socket of the shard is open. */
  send(data: unknown): void {
    this.#shard.whisper(this.name, data);
  }
}
