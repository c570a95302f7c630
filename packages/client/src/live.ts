import { decode } from "./codec.js";
import { LunoraError } from "./errors.js";
import type { Layer } from "./layers.js";

/** Hears of a live query. */
export interface Listener<T = unknown> {
  /** Receives the value, and each new one. */
  onValue(value: T): void;
  /** Receives the error of a run that failed. A later run may succeed, and then `onValue` is called. */
  onError?(error: LunoraError): void;
}

/** The value of one query, shared by its subscribers: what the shard sent, below the layers of unanswered writes. */
export class LiveQuery {
  /** Holds what subscribers see; `undefined` before the first value. */
  value: unknown;
  error: LunoraError | undefined;
  readonly listeners = new Set<Listener<any>>();
  readonly id: string;
  readonly key: string;
  readonly path: string;
  readonly args: unknown;
  /** Tells whether the shard answered on the current socket. */
  isCurrent = false;
  cursor: number | undefined;
  #epoch: string | undefined;
  #layers: Layer[];
  /** The last value that came, and its JSON. */
  #base: { json: string; value: unknown } | undefined;
  /** The value that subscribers see below the layers: older than the base while a value is held back. */
  #shown: { value: unknown } | undefined;
  /** What the value was made of: the base and the changes of the layers. */
  #made: unknown[] = [];
  /** The layers that the next answer to a `subscribe` has. */
  #asked: Layer[] = [];
  #isAnswer = false;

  constructor(id: string, key: string, path: string, args: unknown, layers: Layer[]) {
    this.id = id;
    this.key = key;
    this.path = path;
    this.args = args;
    this.#layers = layers;
  }

  /** Returns the frame that subscribes, from the held position if there is one. */
  subscribe(): object {
    this.#isAnswer = false;
    this.#asked = this.#layers.filter((layer) => layer.isDone);
    const held = this.#epoch === undefined ? undefined : { sinceSeq: this.cursor, sinceEpoch: this.#epoch };
    return { type: "subscribe", id: this.id, query: { functionPath: this.path, args: this.args, ...held } };
  }

  /** Drops the position and the base: another user may see another value. */
  forget(): void {
    this.#base = this.cursor = this.#epoch = undefined;
  }

  acknowledged(): void {
    this.#isAnswer = true;
  }

  /** Takes a `data`, `resume` or `settled` frame. */
  receive(type: string, frame: { data?: unknown; cursor?: number; epoch?: string }): void {
    if (type === "data") {
      const json = JSON.stringify(frame.data);
      if (this.#base?.json !== json) {
        try {
          this.#base = { json, value: decode(frame.data) };
        } catch (error) {
          return this.fail(new LunoraError({ code: "WIRE_DECODE_FAILED", message: (error as Error).message }));
        }
      }
    }
    if (!this.#base) return;
    this.error = undefined;
    this.cursor = frame.cursor;
    this.#epoch = frame.epoch;
    this.#answered();
  }

  fail(error: LunoraError): void {
    this.error = error;
    this.#isAnswer = true;
    this.#answered();
    for (const { onError } of [...this.listeners]) onError?.(error);
  }

  /** Tells whether the value may have a write already whose answer is on its way. */
  get isHeld(): boolean {
    return this.#layers.some((layer) => layer.isUncertain && layer.patches.has(this.key));
  }

  /** Computes what subscribers see, and tells them if it changed. `advances` shows a value that was held back, too. */
  show(advances = true): void {
    if (advances) this.#shown = this.#base;
    if (!this.#shown) return;
    let { value } = this.#shown;
    const made: unknown[] = [this.#shown];
    for (const { isDone, cursor, patches } of this.#layers) {
      if (advances && isDone && cursor !== undefined && this.cursor !== undefined && this.cursor >= cursor) patches.delete(this.key);
      const patch = patches.get(this.key);
      try {
        if (!patch) continue;
        value = patch(value);
        made.push(patch);
      } catch {
        // The value has a shape that the change does not expect.
        patches.delete(this.key);
      }
    }
    if (made.length === this.#made.length && made.every((it, at) => it === this.#made[at])) return;
    this.#made = made;
    this.value = value;
    for (const listener of [...this.listeners]) listener.onValue(value);
  }

  #answered(): void {
    this.isCurrent = true;
    if (!this.#isAnswer) return;
    this.#isAnswer = false;
    for (const layer of this.#asked.splice(0)) layer.patches.delete(this.key);
  }
}
