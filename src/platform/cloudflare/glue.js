// What crosses between wasm and JavaScript crosses once: a head goes over as one string, a body
// as one array.

/** `name:value` lines of every header. */
function pack(headers) {
  let lines = "";
  for (const [name, value] of headers) lines += `\n${name}:${value}`;
  return lines;
}

function unpack(lines) {
  const headers = new Headers();
  if (lines === "") return headers;
  for (const line of lines.split("\n")) {
    const colon = line.indexOf(":");
    headers.append(line.slice(0, colon), line.slice(colon + 1));
  }
  return headers;
}

/** Wasm memory moves and is written to; what leaves it is a copy. */
const own = (body) => (body instanceof Uint8Array ? body.slice() : body);

/** `<1 if there is a body>\n<method>\n<url>\n<name:value>…` */
export function requestHead(request) {
  return `${request.body === null ? 0 : 1}\n${request.method}\n${request.url}${pack(request.headers)}`;
}

/** `<1 if there is a body>\n<status>\n<name:value>…` */
export function responseHead(response) {
  return `${response.body === null ? 0 : 1}\n${response.status}${pack(response.headers)}`;
}

export function makeResponse(status, headers, body) {
  return new Response(own(body), { status, headers: unpack(headers) });
}

/** Every byte of a body, or `undefined` as soon as there are more than `limit`. */
export async function readBody(source, limit) {
  if (source.body === null) return new Uint8Array(0);
  const reader = source.body.getReader();
  const chunks = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.byteLength;
    if (length > limit) {
      // Not awaited: a sender that never ends must not hold the answer back.
      reader.cancel().catch(() => {});
      return undefined;
    }
    chunks.push(value);
  }
  if (chunks.length === 1) return chunks[0];
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}

export const reader = (body) => body.getReader();

/** The next chunk, or `undefined` after the last. */
export const nextChunk = async (reader) => (await reader.read()).value;

/** A reader for `nextBulk`. */
export function bulkReader(body) {
  try {
    const reader = body.getReader({ mode: "byob" });
    if (typeof reader.readAtLeast === "function") return reader;
    reader.releaseLock();
  } catch {
    // A stream of JavaScript's own making.
  }
  return body.getReader();
}

/** About `bytes` bytes, fewer at the end; `undefined` after the last. */
export async function nextBulk(reader, bytes) {
  if (reader.readAtLeast === undefined) return nextChunk(reader);
  const { value } = await reader.readAtLeast(bytes, new Uint8Array(bytes));
  return value?.byteLength ? value : undefined;
}

export function cancel(reader) {
  reader.cancel().catch(() => {});
}

const calls = new Map();

/** Sends a request to the named object. `call` names the call for `abandonCall`. */
export async function callShard(namespace, name, jurisdiction, hint, method, url, headers, body, call) {
  if (jurisdiction !== undefined) {
    if (typeof namespace.jurisdiction !== "function") return "jurisdiction";
    try {
      namespace = namespace.jurisdiction(jurisdiction);
    } catch {
      return "jurisdiction";
    }
  }
  const controller = new AbortController();
  calls.set(call, controller);
  try {
    const stub = namespace.getByName(name, hint === undefined ? undefined : { locationHint: hint });
    return await stub.fetch(url, {
      method,
      headers: unpack(headers),
      body: own(body),
      redirect: "manual",
      signal: controller.signal,
    });
  } finally {
    calls.delete(call);
  }
}

export function abandonCall(call) {
  calls.get(call)?.abort();
}

const bound = (value) =>
  typeof value !== "object" || value === null ? value
  : "b" in value ? Uint8Array.from(value.b, (c) => c.charCodeAt(0))
  : Number(value.n);

/** Bytes as a text of Latin-1. */
function latin1(buffer) {
  const bytes = new Uint8Array(buffer);
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}

/** Runs a statement; everything crosses as JSON, once there and once back. See `shard_host.rs`. */
export function execSql(sql, query, params) {
  const cursor = params === "" ? sql.exec(query) : sql.exec(query, ...JSON.parse(params).map(bound));
  const rows = [...cursor.raw()];
  for (const row of rows) {
    for (let at = 0; at < row.length; at++) {
      const value = row[at];
      if (typeof value === "object" && value !== null) row[at] = { b: latin1(value) };
      else if (value === Infinity || value === -Infinity) row[at] = { n: String(value) };
    }
  }
  return JSON.stringify([cursor.columnNames, rows, cursor.rowsWritten]);
}

const ROLLBACK = Symbol("rollback");

/** Commits if `work` returns true. Gives back why the transaction failed, if it did. */
export function transactionSync(storage, work) {
  try {
    storage.transactionSync(() => {
      if (!work()) throw ROLLBACK;
    });
  } catch (error) {
    // The instance is dead; what is left of it must not go on.
    if (error instanceof WebAssembly.RuntimeError) throw error;
    if (error !== ROLLBACK) return String(error?.message ?? error);
  }
}

export function randomBytes(into) {
  crypto.getRandomValues(into);
}
