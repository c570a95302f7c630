// The objects that every contender calls: one that answers at once, one that writes to SQLite, and
// both take sockets.
import { DurableObject } from "cloudflare:workers";

const json = { headers: { "content-type": "application/json" } };

class Shard extends DurableObject {
  async fetch(request) {
    if (request.headers.get("upgrade") === "websocket") {
      const [client, server] = Object.values(new WebSocketPair());
      this.ctx.acceptWebSocket(server);
      return new Response(null, { status: 101, webSocket: client });
    }
    const body = await request.text();
    if (request.url.endsWith("/rpc-batch")) {
      const { calls } = JSON.parse(body);
      const results = calls.map(({ id }) => `{"id":${JSON.stringify(id)},"status":200,"body":${this.answer()}}`);
      return new Response(`{"results":[${results.join(",")}]}`, json);
    }
    return new Response(this.answer(), json);
  }

  webSocketMessage() {}
}

export class Instant extends Shard {
  answer() {
    return '{"result":1}';
  }
}

export class Sqlite extends Shard {
  constructor(ctx, env) {
    super(ctx, env);
    this.sql = ctx.storage.sql;
    this.sql.exec("CREATE TABLE IF NOT EXISTS counter(id INTEGER PRIMARY KEY, n INTEGER NOT NULL)");
    this.sql.exec("INSERT OR IGNORE INTO counter VALUES(0, 0)");
  }

  answer() {
    return `{"result":${this.sql.exec("UPDATE counter SET n = n + 1 WHERE id = 0 RETURNING n").one().n}}`;
  }
}

export default { fetch: () => new Response(null, { status: 404 }) };
