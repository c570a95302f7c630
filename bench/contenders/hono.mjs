// (b) The same on Hono, with the middleware that does what lunora's edge and identity do.
import { Hono } from "hono";
import { bearerAuth } from "hono/bearer-auth";
import { cors } from "hono/cors";
import { csrf } from "hono/csrf";
import { secureHeaders } from "hono/secure-headers";
import { batch, rpc, socket } from "./forward.mjs";

const origin = "https://app.example.com";
const app = new Hono();
app.get("/_lunora/ws", bearerAuth({ token: "a-token-for-benchmarks" }), (c) => socket(c.req.raw, c.env));
app.use(secureHeaders());
app.use(cors({ origin, credentials: true }));
app.use(csrf({ origin }));
app.use(bearerAuth({ token: "a-token-for-benchmarks" }));
app.post("/_lunora/rpc", (c) => rpc(c.req.raw, c.env));
app.post("/_lunora/rpc-batch", (c) => batch(c.req.raw, c.env));

export default app;
