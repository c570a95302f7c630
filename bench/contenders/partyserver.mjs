// (c) The router of partyserver. It finds the object by the URL.
import { routePartykitRequest } from "partyserver";

export default {
  async fetch(request, env) {
    return (await routePartykitRequest(request, env)) ?? new Response(null, { status: 404 });
  },
};
