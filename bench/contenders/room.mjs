// The same as `bench/shards`, by hand: documents as JSON text in SQLite, in the tables and indexes that a
// shard of lunora has, and a change log with one row per write.
//
// It does what this one application needs. It leaves out:
// - live queries: no query records what it read, and no write looks for subscribers;
// - answers kept for mutations that are sent again, and the order of a client's writes;
// - the registry of shards, the admin plane, counters, and the list of the latest failures;
// - other tables in an export, and a comparison of the operator's token in constant time;
// - checks of the stored values, and bounds on answers and on the size of the database;
// - an index over every type of value: its own is over `json_extract`, which orders texts and numbers.
import { DurableObject } from "cloudflare:workers";

const TABLES = [
  `CREATE TABLE IF NOT EXISTS messages(
    _id TEXT PRIMARY KEY NOT NULL, _creationTime REAL NOT NULL, _deletedAt REAL, doc TEXT NOT NULL)`,
  `CREATE INDEX IF NOT EXISTS "messages.by_creation" ON messages(_creationTime, _id)`,
  `CREATE INDEX IF NOT EXISTS "messages.by_channel" ON messages(json_extract(doc, '$.channel'), _creationTime, _id)`,
  `CREATE TABLE IF NOT EXISTS changes(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, "table" TEXT NOT NULL, id TEXT NOT NULL, op TEXT NOT NULL, doc TEXT, ts REAL NOT NULL)`,
  `CREATE INDEX IF NOT EXISTS changes_by_table ON changes("table", seq)`,
];

const PAGE = "SELECT _id, doc FROM messages WHERE _id > ? ORDER BY _id LIMIT ?";

const NEWEST = "SELECT doc FROM messages ORDER BY _creationTime DESC, _id DESC LIMIT ?";

const MAX_TEXT = 2000;
const MAX_MESSAGES = 1000;

/** The log keeps so many rows, and is cut once per so many writes. */
const KEPT_CHANGES = 200_000;
const CUT_EVERY = 256;

class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const invalid = (field, expected) => new Refused(400, "VALIDATION_ERROR", `${field}: expected ${expected}`);

function text(args, field) {
  const value = args[field];
  if (typeof value !== "string") throw invalid(field, "a string");
  return value;
}

function limit(args) {
  const value = args.limit;
  if (!Number.isInteger(value) || value < 1 || value > 200) throw invalid("limit", "an integer from 1 to 200");
  return value;
}

/** The length of a text in characters, which is at most that in UTF-16 units. */
const isLonger = (value, most) => value.length > most && [...value].length > most;

/** A result that is JSON already. */
class Json {
  constructor(text) {
    this.text = text;
  }
}

const resultOf = (result) => (result instanceof Json ? result.text : JSON.stringify(result));

export class Room extends DurableObject {
  #sql;
  #untilCut = CUT_EVERY;

  constructor(ctx, env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    ctx.storage.transactionSync(() => TABLES.forEach((statement) => this.#sql.exec(statement)));
  }

  #queries = {
    "messages:constant": () => 1,

    "messages:get": (args) => {
      const [row] = this.#sql.exec("SELECT doc FROM messages WHERE _id = ?", text(args, "id"));
      return row === undefined ? null : JSON.parse(row.doc);
    },

    "messages:list": (args) => this.#documents(NEWEST, limit(args)),

    "messages:stored": (args) => {
      const documents = Array.from(this.#sql.exec(NEWEST, limit(args)), ({ doc }) => doc);
      return new Json(`[${documents.join(",")}]`);
    },

    "messages:newest": (args) => this.#documents(
      `SELECT doc FROM messages WHERE json_extract(doc, '$.channel') = ?
       ORDER BY _creationTime DESC, _id DESC LIMIT ?`,
      text(args, "channel"),
      limit(args),
    ),
  };

  #mutations = {
    "messages:send": (args, user) => {
      const [channel, body] = [text(args, "channel"), text(args, "text")];
      if (body.trim() === "" || isLonger(body, MAX_TEXT)) throw invalid("text", "1 to 2000 characters");
      return this.#insert(crypto.randomUUID(), { author: user, channel, text: body });
    },

    "messages:seed": (args, user) => {
      const { messages } = args;
      if (!Array.isArray(messages) || messages.length > MAX_MESSAGES) throw invalid("messages", "at most 1000 messages");
      for (const message of messages) {
        const id = text(message, "id");
        this.#insert(id, { author: user, channel: text(message, "channel"), text: text(message, "text") });
      }
      return messages.length;
    },

    "messages:clear": (args) => {
      const channel = text(args, "channel");
      const ids = this.#sql.exec("SELECT _id FROM messages WHERE json_extract(doc, '$.channel') = ? LIMIT ?", channel, MAX_MESSAGES).toArray();
      for (const { _id } of ids) {
        this.#sql.exec("DELETE FROM messages WHERE _id = ?", _id);
        this.#log("delete", _id, null);
      }
      return ids.length;
    },
  };

  /** What only operators may call. */
  #operations = {
    "__lunora_admin__:exportShard": ({ cursor, batchSize, maxBytes }) => {
      const [{ seq }] = this.#sql.exec("SELECT max(seq) AS seq FROM changes");
      const rows = [];
      let bytes = 0;
      let last = null;
      for (const { _id, doc } of this.#sql.exec(PAGE, cursor ?? "", batchSize + 1)) {
        bytes += doc.length;
        const isFull = rows.length === batchSize || (rows.length > 0 && bytes > maxBytes);
        if (isFull) {
          return new Json(`{"rows":[${rows.join(",")}],"cursor":${JSON.stringify(last)},"isDone":false,"seq":${seq}}`);
        }
        rows.push(`{"table":"messages","doc":${doc}}`);
        last = _id;
      }
      return new Json(`{"rows":[${rows.join(",")}],"cursor":null,"isDone":true,"seq":${seq}}`);
    },
  };

  #documents(statement, ...values) {
    return Array.from(this.#sql.exec(statement, ...values), ({ doc }) => JSON.parse(doc));
  }

  #insert(_id, fields) {
    const _creationTime = Date.now();
    const document = { ...fields, _id, _creationTime };
    const doc = JSON.stringify(document);
    this.#sql.exec("INSERT INTO messages(_creationTime, _deletedAt, doc, _id) VALUES(?, NULL, ?, ?)", _creationTime, doc, _id);
    this.#log("insert", _id, doc);
    return document;
  }

  #log(op, id, doc) {
    const { seq } = this.#sql
      .exec(`INSERT INTO changes("table", id, op, doc, ts) VALUES('messages', ?, ?, ?, ?) RETURNING seq`, id, op, doc, Date.now())
      .one();
    if (--this.#untilCut === 0) {
      this.#untilCut = CUT_EVERY;
      this.#sql.exec("DELETE FROM changes WHERE seq <= ?", seq - KEPT_CHANGES);
    }
    this.cursor = seq;
  }

  /** Answers a call: a status, and a body as text. */
  #answer(user, authorization, body) {
    try {
      let envelope;
      try {
        envelope = JSON.parse(body);
      } catch {
        throw new Refused(400, "BAD_REQUEST", "the body is not JSON");
      }
      const { functionPath, args } = envelope;
      if (typeof functionPath !== "string" || typeof args !== "object" || args === null) {
        throw new Refused(400, "BAD_REQUEST", "the call is malformed");
      }
      if (Object.hasOwn(this.#queries, functionPath)) {
        return { status: 200, body: `{"result":${resultOf(this.#queries[functionPath](args))}}` };
      }
      if (Object.hasOwn(this.#operations, functionPath)) {
        if (authorization !== `Bearer ${this.env.LUNORA_ADMIN_TOKEN}`) throw new Refused(403, "ADMIN_FORBIDDEN", "the caller is no operator");
        return { status: 200, body: `{"result":${resultOf(this.#operations[functionPath](args))}}` };
      }
      if (Object.hasOwn(this.#mutations, functionPath)) {
        if (!user) throw new Refused(401, "UNAUTHORIZED", "the caller is anonymous");
        const result = this.ctx.storage.transactionSync(() => this.#mutations[functionPath](args, user));
        return { status: 200, body: JSON.stringify({ commitCursor: this.cursor, result }) };
      }
      throw new Refused(404, "FUNCTION_NOT_FOUND", `no function ${functionPath}`);
    } catch (error) {
      const { status, code, message } = error instanceof Refused ? error : { status: 500, code: "INTERNAL", message: "internal error" };
      return { status, body: JSON.stringify({ error: { code, message } }) };
    }
  }

  async fetch(request) {
    const { headers } = request;
    const { status, body } = this.#answer(headers.get("x-lunora-userid"), headers.get("authorization"), await request.text());
    return new Response(body, { status, headers: { "content-type": "application/json" } });
  }

  /** The same by RPC. */
  call(headers, body) {
    return this.#answer(headers["x-lunora-userid"], headers.authorization, body);
  }
}
