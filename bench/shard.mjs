// A shard that has any number of rows and answers pages of them as quickly as JavaScript can.
export class Shard {
  constructor(state, env) {
    this.rows = Number(env.ROWS);
    this.key = state.id.name;
    this.text = "x".repeat(900);
  }

  async fetch(request) {
    const { args, functionPath } = await request.json();
    if (functionPath === "rows:count") return Response.json({ result: this.rows });
    // It keeps nothing of clients.
    if (functionPath === "__lunora_admin__:exportClients") {
      return Response.json({ error: { code: "UNKNOWN_ADMIN_OP", message: "unknown admin operation" } }, { status: 404 });
    }
    const from = Number(args.cursor ?? 0);
    const to = Math.min(this.rows, from + Math.min(args.batchSize, Math.ceil(args.maxBytes / 1000)));
    const rows = [];
    for (let id = from; id < to; id++) {
      rows.push(`{"table":"rows","doc":{"_id":"${this.key}-${id}","_creationTime":1780315200000,"text":"${this.text}"}}`);
    }
    const rest = to < this.rows ? `"cursor":"${to}","isDone":false` : `"cursor":null,"isDone":true`;
    return new Response(`{"result":{"rows":[${rows.join(",")}],${rest},"seq":1}}`, {
      headers: { "content-type": "application/json" },
    });
  }
}

export default { fetch: () => new Response(null, { status: 404 }) };
