// src/auth.ts
import { LunoraError } from "./index.js";
function createAuth({ url, fetch, token }) {
  const base = url.replace(/\/$/, "");
  const ask = async (path, body) => {
    const headers = {};
    if (body) headers["content-type"] = "application/json";
    const bearer = token?.();
    if (bearer) headers["authorization"] = `Bearer ${bearer}`;
    const send = fetch ?? globalThis.fetch;
    let response, answer;
    try {
      const init = { headers, credentials: "include" };
      response = await send(`${base}/api/auth/${path}`, body ? { ...init, method: "POST", body: JSON.stringify(body) } : init);
      answer = await response.json().catch(() => void 0);
    } catch (error2) {
      throw new LunoraError({ code: "NETWORK_ERROR", message: `${error2}` }, 0, true);
    }
    if (response.ok && answer !== void 0) return answer;
    const { status } = response;
    const error = answer?.error ?? {};
    const seconds = Number(response.headers.get("retry-after"));
    if (seconds > 0) error.data = { retryAfterMs: seconds * 1e3 };
    throw new LunoraError({ message: `no answer of lunora: status ${status}`, ...error, code: error.code ?? "INTERNAL" }, status);
  };
  return {
    sendCode: async (email) => void await ask("email-otp/send-verification-otp", { email, type: "sign-in" }),
    signIn: (email, code) => ask("sign-in/email-otp", { email, otp: code }),
    getSession: () => ask("get-session"),
    signOut: async () => void await ask("sign-out", {})
  };
}
export {
  createAuth
};
