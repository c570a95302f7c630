/** Keeps the value of one query, over a socket that reopens whenever it breaks. */
export class Live {
  /**
   * `session` is the answer of the sign-in. The events: `onValue(value)`, `onState("live" | "connecting" |
   * "offline")`, `onError(message)`, `onExpired()`, and `onRefused()` if the socket never opened: a browser does not
   * show why.
   */
  constructor({ session, clientId, shard, functionPath, args, ...events }) {
    Object.assign(this, { session, clientId, shard, query: { functionPath, args }, ...events, attempts: 0 });
    this.open();
  }

  open() {
    this.onState(navigator.onLine ? "connecting" : "offline");
    const url = new URL("/_lunora/ws", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.search = new URLSearchParams({ shard: this.shard, token: this.session.token });
    const socket = this.socket = new WebSocket(url);
    this.hasOpened = false;
    socket.onopen = () => {
      this.hasOpened = true;
      this.say({ type: "connect", id: "connect", clientId: this.clientId });
      // A value that is still current is not sent again.
      this.say({ type: "subscribe", id: "sub_1", query: { ...this.query, ...this.held } });
      this.pinging = setInterval(() => this.ping(), 30_000);
    };
    socket.onmessage = ({ data }) => {
      clearTimeout(this.silence);
      if (data !== "lunora-pong") this.hear(JSON.parse(data));
      else if (this.isCurrent) this.onState("live");
    };
    socket.onclose = ({ code }) => this.broken(code);
  }

  /** Gives the socket up if no answer comes: a browser may not notice for minutes that its line is dead. */
  ping() {
    const { socket } = this;
    socket.send("lunora-ping");
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      socket.onclose = socket.onmessage = null;
      socket.close();
      this.broken();
    }, 10_000);
  }

  say(frame) {
    this.socket.send(JSON.stringify(frame));
  }

  hear({ type, data, cursor, epoch, code, message }) {
    if (this.closed) return;
    if (type === "error") {
      if (code !== "TOKEN_EXPIRED") this.onError(message);
      return;
    }
    if (type === "data") this.onValue(data);
    if (epoch !== undefined) this.held = { sinceSeq: cursor, sinceEpoch: epoch };
    if (type === "data" || type === "resume") {
      this.attempts = 0;
      this.isCurrent = true;
      this.onState("live");
    }
  }

  broken(code) {
    this.stopTimers();
    this.isCurrent = false;
    if (this.closed) return;
    if (code === 4001 || this.session.expiresAtMs <= Date.now()) return this.onExpired();
    if (!this.hasOpened && navigator.onLine) this.onRefused();
    this.onState(navigator.onLine ? "connecting" : "offline");
    // Exponential backoff with jitter.
    const longest = Math.min(30_000, 250 * 2 ** this.attempts++);
    this.retry = setTimeout(() => this.open(), longest / 2 + Math.random() * (longest / 2));
  }

  /** Retries at once, or asks the open socket whether it still works. */
  hurry() {
    if (this.closed || this.socket.readyState === WebSocket.CONNECTING) return;
    if (this.socket.readyState === WebSocket.OPEN) return this.ping();
    this.stopTimers();
    this.attempts = 0;
    this.socket.onclose = null;
    this.open();
  }

  close() {
    this.closed = true;
    this.stopTimers();
    this.socket.close();
  }

  stopTimers() {
    clearTimeout(this.retry);
    clearTimeout(this.silence);
    clearInterval(this.pinging);
  }
}
