// What `simulation/` does, by hand: documents in SQLite, and live queries over hibernating sockets.
import { DurableObject } from "cloudflare:workers";

export class Folder extends DurableObject {
  /** By document: the subscriptions to it; every one asks for one document. */
  #byName = new Map();

  constructor(ctx, env) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS docs(name TEXT PRIMARY KEY, doc TEXT NOT NULL)");
    for (const socket of ctx.getWebSockets()) {
      for (const subscription of socket.deserializeAttachment() ?? []) this.#add(socket, subscription);
    }
  }

  #add(socket, { id, name }) {
    if (!this.#byName.has(name)) this.#byName.set(name, []);
    this.#byName.get(name).push({ socket, id });
  }

  #read(name) {
    const [row] = this.ctx.storage.sql.exec("SELECT doc FROM docs WHERE name = ?", name);
    return row?.doc ?? "null";
  }

  async fetch(request) {
    if (request.headers.get("upgrade") === "websocket") {
      const [client, server] = Object.values(new WebSocketPair());
      this.ctx.acceptWebSocket(server);
      server.serializeAttachment([]);
      return new Response(null, { status: 101, webSocket: client });
    }
    const { args } = await request.json();
    const doc = JSON.stringify({ name: args.name, owner: "ada", private: args.private, text: args.text });
    this.ctx.storage.transactionSync(() => {
      this.ctx.storage.sql.exec("INSERT OR REPLACE INTO docs(name, doc) VALUES(?, ?)", args.name, doc);
    });
    setTimeout(() => {
      const data = this.#read(args.name);
      for (const { socket, id } of this.#byName.get(args.name) ?? []) {
        socket.send(`{"type":"data","id":${JSON.stringify(id)},"data":${data}}`);
      }
    }, 0);
    return Response.json({ result: args.op });
  }

  webSocketMessage(socket, message) {
    const { id, query } = JSON.parse(message);
    const subscription = { id, name: query.args.name };
    socket.serializeAttachment([...socket.deserializeAttachment(), subscription]);
    this.#add(socket, subscription);
    socket.send(JSON.stringify({ type: "ack", id }));
    socket.send(`{"type":"data","id":${JSON.stringify(id)},"data":${this.#read(subscription.name)}}`);
  }
}

export default {
  fetch(request, env) {
    return env.SHARD.getByName("live").fetch(request);
  },
};
