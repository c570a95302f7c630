// (f) The least that JavaScript can do.
import { batch, rpc, socket } from "./forward.mjs";

export default {
  fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/_lunora/rpc" && request.method === "POST") return rpc(request, env);
    if (pathname === "/_lunora/rpc-batch" && request.method === "POST") return batch(request, env);
    if (pathname === "/_lunora/ws") return socket(request, env);
    return new Response(null, { status: 404 });
  },
};
