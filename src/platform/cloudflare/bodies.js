import { Pending } from "./tasks.js";

// Bodies: each piece crosses as one array.

export const utf8 = new TextEncoder();

/** Every byte of a body to the slot, or `undefined` as soon as there are more than `limit`. */
export function readBody(source, limit, slot) {
  const { value, bytes, failed } = new Pending(slot);
  // A sender over HTTP is held to the length it declared, and reading at once is far cheaper.
  const declared = source.headers?.get("content-length");
  if (declared != null && Number(declared) <= limit) {
    source.arrayBuffer().then((buffer) => {
      if (buffer.byteLength > limit) value();
      else bytes(new Uint8Array(buffer));
    }, failed);
    return;
  }
  readAll(source, { left: limit }, (all) => (all === undefined ? value() : bytes(all))).catch(failed);
}

/**
 * Gives `use` every byte of a body, or nothing as soon as `budget` does not have that many left. Bodies
 * that are read at once may share a budget. The bytes are valid until `use` returns.
 */
export async function readAll(source, budget, use) {
  if (source.body === null) return use(new Uint8Array(0));
  const reader = new BulkReader(source.body);
  const chunks = await chunksOf(reader, budget);
  if (chunks === undefined) return use();
  if (chunks.length === 1) {
    use(chunks[0]);
    return reader.giveBack(chunks[0]);
  }
  const whole = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.byteLength, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  use(whole);
}

/** The pieces of a body; one that is too large, or that breaks off, gives its share of the budget back. */
async function chunksOf(reader, budget) {
  const chunks = [];
  let taken = 0;
  try {
    for (;;) {
      const chunk = await reader.next(PIECE);
      if (chunk === undefined) return chunks;
      taken += chunk.byteLength;
      budget.left -= chunk.byteLength;
      if (budget.left < 0) break;
      chunks.push(chunk);
    }
  } catch (error) {
    budget.left += taken;
    throw error;
  }
  budget.left += taken;
  // Not awaited: a sender that never ends must not hold the answer back.
  reader.cancel().catch(() => {});
}

/** Most answers are shorter: they are read by one wait, into a buffer that costs little. */
const FIRST_PIECE = 8192;
const PIECE = 65536;

/** Buffers of first pieces whose bytes were copied: a new one would be filled with zeros. */
const spare = [];
const MOST_SPARE = 32;

/** Reads a body in pieces for which it waits until they are full, as far as the body allows. */
class BulkReader {
  #reader;
  #fills = false;
  #next = FIRST_PIECE;
  #ended = false;

  constructor(body) {
    try {
      this.#reader = body.getReader({ mode: "byob" });
      this.#fills = typeof this.#reader.readAtLeast === "function";
    } catch {
      // A stream of JavaScript's own making.
    }
    if (this.#fills) return;
    this.#reader?.releaseLock();
    this.#reader = body.getReader();
  }

  /** A piece of `length` bytes, and a short one first; fewer at the end, and `undefined` after it. */
  async next(length) {
    if (this.#ended) return undefined;
    if (!this.#fills) return (await this.#reader.read()).value;
    const size = Math.min(this.#next, length);
    this.#next = length;
    const buffer = (size === FIRST_PIECE && spare.pop()) || new ArrayBuffer(size);
    const { value } = await this.#reader.readAtLeast(size, new Uint8Array(buffer));
    // Only the end of the body leaves a piece short.
    this.#ended = (value?.byteLength ?? 0) < size;
    return value?.byteLength ? value : undefined;
  }

  /** Takes back the buffer of a piece that is not read any more, if it is one of its own. */
  giveBack({ buffer }) {
    if (this.#fills && buffer.byteLength === FIRST_PIECE && spare.length < MOST_SPARE) spare.push(buffer);
  }

  cancel() {
    return this.#reader.cancel();
  }
}

export const reader = (body) => body.getReader();

/** The next chunk to the slot, or `undefined` after the last. */
export function nextChunk(reader, slot) {
  const { value, bytes, failed } = new Pending(slot);
  reader.read().then((read) => (read.value === undefined ? value() : bytes(read.value)), failed);
}

/** A reader for `nextBulk`. */
export const bulkReader = (body) => new BulkReader(body);

/** About `length` bytes to the slot, fewer at the beginning and at the end; `undefined` after the last. */
export function nextBulk(reader, length, slot) {
  const { value, bytes, failed } = new Pending(slot);
  reader.next(length).then((piece) => (piece === undefined ? value() : bytes(piece)), failed);
}

export function cancel(reader) {
  try {
    reader.cancel().catch(() => {});
  } catch {
    // It belongs to an invocation that is over.
  }
}
