// A small client: one live query, and an outbox that survives being offline.
const $ = (id) => document.getElementById(id);
const stored = (key, fallback) => JSON.parse(localStorage.getItem(key) ?? "null") ?? fallback;
const store = (key, value) => localStorage.setItem(key, JSON.stringify(value));

/** This browser's name among those of one user: writes that are sent again are known by it. */
const clientId = stored("clientId", crypto.randomUUID());
store("clientId", clientId);

let session = stored("session", null);
let channels = stored("channels", ["general", "random", "help"]);
let channel = decodeURIComponent(location.hash.slice(1)) || "general";
/** What was said here and not stored yet: `{id, channel, text}`, the oldest first. */
let outbox = stored("outbox", []);
let messages = [];
let live;

// --- Signing in and out -------------------------------------------------------------------------

$("sign-in-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = JSON.stringify({ name: $("name").value });
  try {
    const response = await fetch("/api/sign-in", { method: "POST", headers: { "content-type": "application/json" }, body });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error.message);
    session = answer;
    store("session", session);
    start();
  } catch (error) {
    $("sign-in-error").textContent = error.message;
  }
});

$("sign-out").addEventListener("click", () => signOut());

function signOut(why = "") {
  localStorage.removeItem("session");
  session = null;
  live?.close();
  $("sign-in-error").textContent = why;
  start();
}

// --- The live query -----------------------------------------------------------------------------

/** Keeps one query's value, over a socket that is opened again whenever it breaks. */
class Live {
  constructor(shard, functionPath, args, { onValue, onState, onExpired }) {
    Object.assign(this, { shard, query: { functionPath, args }, onValue, onState, onExpired, attempts: 0 });
    this.open();
  }

  open() {
    this.onState(navigator.onLine ? "connecting" : "offline");
    const url = new URL("/_lunora/ws", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.search = new URLSearchParams({ shard: this.shard, token: session.token });
    const socket = this.socket = new WebSocket(url);
    socket.onopen = () => {
      this.say({ type: "connect", id: "connect", clientId });
      // Whoever still holds the value need not be sent it again.
      this.say({ type: "subscribe", id: "sub_1", query: { ...this.query, ...this.held } });
      this.pinging = setInterval(() => socket.send("lunora-ping"), 30_000);
    };
    socket.onmessage = ({ data }) => data !== "lunora-pong" && this.hear(JSON.parse(data));
    socket.onclose = ({ code }) => this.broken(code);
  }

  say(frame) {
    this.socket.send(JSON.stringify(frame));
  }

  hear({ type, data, cursor, epoch, code, message }) {
    if (type === "error") {
      if (code !== "TOKEN_EXPIRED") showError(message);
      return;
    }
    if (type === "data") this.onValue(data);
    if (epoch !== undefined) this.held = { sinceSeq: cursor, sinceEpoch: epoch };
    if (type === "data" || type === "resume") {
      this.attempts = 0;
      this.onState("live");
    }
  }

  broken(code) {
    clearInterval(this.pinging);
    if (this.closed) return;
    if (code === 4001) return this.onExpired();
    this.onState(navigator.onLine ? "connecting" : "offline");
    // Twice as long each time, and never all clients at once.
    const longest = Math.min(30_000, 250 * 2 ** this.attempts++);
    this.retry = setTimeout(() => this.open(), longest / 2 + Math.random() * (longest / 2));
  }

  /** Does not wait any longer. */
  hurry() {
    if (this.closed || this.socket.readyState < WebSocket.CLOSING) return;
    clearTimeout(this.retry);
    this.attempts = 0;
    this.open();
  }

  close() {
    this.closed = true;
    clearTimeout(this.retry);
    clearInterval(this.pinging);
    this.socket.close();
  }
}

addEventListener("online", () => (live?.hurry(), flush()));
addEventListener("offline", () => showState("offline"));

// --- Sending ------------------------------------------------------------------------------------

$("send").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value;
  if (text.trim() === "") return;
  outbox.push({ id: crypto.randomUUID(), channel, text });
  $("text").value = "";
  showError("");
  save();
  flush();
});

/** Codes on which the same write may be sent again; any other is the last word. */
const AGAIN = new Set(["RATE_LIMITED", "TOO_MANY_REQUESTS", "SHARD_ERROR", "SHARD_UNAVAILABLE"]);
let flushing = false;

/** Sends what waits, in its order. Each write carries its own id, so that none is done twice. */
async function flush() {
  if (flushing || !session) return;
  flushing = true;
  try {
    while (outbox.length > 0) {
      const { id, channel: shardKey, text } = outbox[0];
      const response = await fetch("/_lunora/rpc", {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "authorization": `Bearer ${session.token}`,
          "x-lunora-mutation-id": id,
          "x-lunora-client-id": clientId,
        },
        body: JSON.stringify({ functionPath: "messages:send", args: { id, text }, shardKey }),
      });
      const { error } = await response.json().catch(() => ({}));
      if (response.status === 401) return signOut("Your session has ended: sign in again, and what waits is sent.");
      if (!response.ok && (error === undefined || AGAIN.has(error.code))) throw new Error("not now");
      if (error) showError(error.message);
      outbox.shift();
      save();
    }
  } catch {
    setTimeout(flush, 2000);
  } finally {
    flushing = false;
  }
}

function save() {
  store("outbox", outbox);
  showMessages();
}

// --- What is shown ------------------------------------------------------------------------------

const STATES = { live: "Live", connecting: "Connecting…", offline: "Offline", out: "Signed out" };

function showState(state) {
  $("state").dataset.state = state;
  $("state").textContent = STATES[state];
}

function showError(text) {
  $("chat-error").textContent = text;
}

function element(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function showMessages() {
  const list = $("messages");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  const there = new Set(messages.map(({ _id }) => _id));
  const waiting = outbox.filter((one) => one.channel === channel && !there.has(one.id));
  const time = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
  const item = (author, when, text, pending) =>
    element("li", { className: `message${author === session?.name ? " mine" : ""}${pending ? " pending" : ""}` },
      element("p", { className: "by" }, `${author} · ${when}`), element("p", {}, text));
  list.replaceChildren(
    ...messages.map(({ author, text, _creationTime }) => item(author, time.format(_creationTime), text, false)),
    ...waiting.map(({ text }) => item(session.name, "sending…", text, true)),
  );
  if (list.childElementCount === 0) list.append(element("li", { className: "empty" }, "Nothing was said here yet."));
  if (atEnd) list.scrollTop = list.scrollHeight;
}

function showChannels() {
  $("channels").replaceChildren(...channels.map((name) => {
    const link = element("a", { href: `#${encodeURIComponent(name)}` }, name);
    if (name === channel) link.setAttribute("aria-current", "page");
    return element("li", {}, link);
  }));
  $("channel-title").textContent = `# ${channel}`;
}

$("new-channel").addEventListener("submit", (event) => {
  event.preventDefault();
  location.hash = encodeURIComponent($("channel-name").value.trim());
  $("channel-name").value = "";
});

addEventListener("hashchange", () => {
  channel = decodeURIComponent(location.hash.slice(1)) || "general";
  start();
});

function start() {
  live?.close();
  messages = [];
  showError("");
  if (!channels.includes(channel)) store("channels", channels = [...channels, channel]);
  for (const id of ["chat", "sign-out"]) $(id).hidden = !session;
  $("sign-in").hidden = Boolean(session);
  if (!session) {
    showState("out");
    return $("name").focus();
  }
  showChannels();
  showMessages();
  live = new Live(channel, "messages:list", {}, {
    onState: showState,
    onExpired: () => signOut("Your session has ended: sign in again."),
    onValue: (value) => {
      messages = value;
      showMessages();
    },
  });
  $("text").focus();
  flush();
}

start();
