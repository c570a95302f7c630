// The objects that every contender calls. They answer at once, and take sockets.
import { DurableObject } from "cloudflare:workers";

const ANSWER = '{"result":1}';
const json = { headers: { "content-type": "application/json" } };

export class Shard extends DurableObject {
  async fetch(request) {
    if (request.headers.get("upgrade") === "websocket") {
      const [client, server] = Object.values(new WebSocketPair());
      this.ctx.acceptWebSocket(server);
      return new Response(null, { status: 101, webSocket: client });
    }
    const body = await request.text();
    if (request.url.endsWith("/rpc-batch")) {
      const { calls } = JSON.parse(body);
      const results = calls.map(({ id }) => `{"id":${JSON.stringify(id)},"status":200,"body":${ANSWER}}`);
      return new Response(`{"results":[${results.join(",")}]}`, json);
    }
    return new Response(ANSWER, json);
  }

  webSocketMessage() {}
}

export default { fetch: () => new Response(null, { status: 404 }) };
