import { utf8 } from "./bodies.js";
import { promise } from "./tasks.js";

// What a Durable Object needs: its SQLite, its sockets, its alarm.

/** Bytes as a text of Latin-1. */
function latin1(buffer) {
  const bytes = new Uint8Array(buffer);
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}

/** Reads the parameters of a statement. See `sql_cells.rs`. */
function bound(params) {
  let at = params.indexOf("\n");
  return params.slice(0, at++).split(",").map((head) => {
    if (head === "") return null;
    if (head[0] !== "t" && head[0] !== "b") return Number(head);
    const text = params.slice(at, (at += Number(head.slice(1))));
    return head[0] === "t" ? text : Uint8Array.from(text, (c) => c.charCodeAt(0));
  });
}

/** What the last statement answered, until wasm has taken it. */
let found = "";

/** Runs a statement. Returns the length of what it answers, for `takeFound`. See `sql_cells.rs`. */
export function execSql(sql, query, params) {
  const cursor = params === "" ? sql.exec(query) : sql.exec(query, ...bound(params));
  const { columnNames } = cursor;
  let heads = "";
  let texts = "";
  for (const name of columnNames) {
    heads += `,t${name.length}`;
    texts += name;
  }
  for (const row of cursor.raw()) {
    for (const value of row) {
      if (typeof value === "string") {
        heads += `,t${value.length}`;
        texts += value;
      } else if (typeof value === "number") {
        heads += `,${value}`;
      } else if (value === null) {
        heads += ",";
      } else {
        heads += `,b${value.byteLength}`;
        texts += latin1(value);
      }
    }
  }
  found = `${cursor.rowsWritten},${columnNames.length}${heads}\n${texts}`;
  return found.length;
}

/** Writes what the last statement answered as UTF-8, as far as it fits, and the rest the next time. */
export function takeFound(into) {
  const { read, written } = utf8.encodeInto(found, into);
  found = found.slice(read);
  return written;
}

const ROLLBACK = Symbol("rollback");

/** Commits if `work` returns true. Gives back why the transaction failed, if it did. */
export function transactionSync(storage, work) {
  try {
    storage.transactionSync(() => {
      if (!work()) throw ROLLBACK;
    });
  } catch (error) {
    // The instance is dead; its remaining work must not continue.
    if (error instanceof WebAssembly.RuntimeError) throw error;
    if (error !== ROLLBACK) return String(error?.message ?? error);
  }
}

/** Sends a frame, with a text in the place of its line feed. */
export function sendWith(socket, around, text) {
  const at = around.indexOf("\n");
  socket.send(around.slice(0, at) + text + around.slice(at + 1));
}

/** Sets the alarm of an object. A write of its storage is not waited for: the output gate does. */
export async function setAlarm(state, at) {
  try {
    await state.storage.setAlarm(at);
  } catch (error) {
    console.error("The alarm of an object was not set:", error);
  }
}

/** Has the object flushed once its current event has been answered, if the shim can do that. */
export function flushLater(state) {
  if (state.flushLater === undefined) return false;
  state.flushLater();
  return true;
}

/** Runs the task beside the events of an object. */
export function runBeside(state, task) {
  const running = promise(task, null);
  if (state.runBeside === undefined) waitUntil(running);
  else state.runBeside(running);
}
