// The page: a live query of one channel, queries across all of them, and an outbox that survives being offline.
import { Live } from "./live.js";
import { FALLBACK, element, hashOf, readHash, setChildren, when } from "./view.js";

const $ = (id) => document.getElementById(id);
const store = (key, value) => localStorage.setItem(key, JSON.stringify(value));

function stored(key, fallback) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? fallback;
  } catch {
    return fallback;
  }
}

/** Identifies this browser among those of one user: the shard recognizes a repeated write by it. */
const clientId = stored("clientId", crypto.randomUUID());
store("clientId", clientId);

const PAGE = 50;
const ALL_EVERY_MS = 5_000;
const CHANNELS_EVERY_MS = 20_000;

let session = stored("session", null);
/** The channel that is shown; null for all of them. */
let channel = FALLBACK;
/** The channels with a message; null before the first answer. */
let channels = null;
/** The messages of the view, oldest first, and the position of the first one. */
let room = { messages: [], sent: [] };
/** What is not stored yet: `{ id, author, channel, text, refused }`, oldest first. */
let outbox = stored("outbox", []);
let live;

// --- Calls --------------------------------------------------------------------------------------

/** Calls the deployment. Throws an error with `code` if the answer is one, and without if none came. */
async function call(body, headers = {}) {
  const response = await fetch("/_lunora/rpc", {
    method: "POST",
    headers: { "content-type": "application/json", "authorization": `Bearer ${session.token}`, ...headers },
    body: JSON.stringify(body),
  });
  const answer = await response.json().catch(() => null);
  if (response.status === 401) signOut("Your session has ended. Sign in again.");
  if (response.ok && answer) return answer;
  const { code, message = "The server did not answer as expected." } = answer?.error ?? {};
  throw Object.assign(new Error(message), { code });
}

/** Asks every channel, and returns the first rows of all by the field `by`, in descending order. */
const across = (relation, by, k) =>
  call({
    functionPath: `__lunora_relation__:${relation}`,
    args: { table: "messages" },
    fanOut: { table: "messages", merge: { kind: "topK", k, by } },
  });

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
    $("sign-in-error").textContent = "";
    start();
  } catch (error) {
    $("sign-in-error").textContent = error.message;
  }
});

$("sign-out").addEventListener("click", () => signOut());

function signOut(why = "") {
  localStorage.removeItem("session");
  session = null;
  start();
  $("sign-in-error").textContent = why;
}

// --- The messages of the view -------------------------------------------------------------------

function watch() {
  const mine = room;
  const query = { functionPath: "messages:page", args: { limit: PAGE } };
  const fail = (message) => {
    mine.failed = !mine.loaded;
    showError(message);
    showMessages();
  };
  live = new Live({
    ...query,
    session,
    clientId,
    shard: channel,
    onState: showState,
    onExpired: () => signOut("Your session has ended. Sign in again."),
    onError: fail,
    // The same query as a call says why, and signs out if the token is not accepted any more.
    onRefused: () => call({ ...query, shardKey: channel }).catch(({ code, message }) => code && mine === room && fail(message)),
    onValue: (page) => {
      if (mine.failed) showError("");
      takeNewest(page);
      showMessages();
      if (room.messages.length > 0 && !channels?.includes(channel)) refreshChannels();
    },
  });
}

/** Takes the newest page. Older messages stay, unless some between them and the page are missing. */
function takeNewest({ page, isDone, continueCursor }) {
  const known = new Set(room.messages.map(({ _id }) => _id));
  const oldest = page.at(-1);
  const isBefore = ({ _creationTime: time, _id }) =>
    time < oldest._creationTime || (time === oldest._creationTime && _id < oldest._id);
  const isContinued = !isDone && page.some(({ _id }) => known.has(_id));
  const older = isContinued ? room.messages.filter(isBefore) : [];
  if (older.length === 0) Object.assign(room, { cursor: continueCursor, isDone });
  Object.assign(room, { messages: [...older, ...page.toReversed()], sent: [], loaded: true, failed: false });
}

async function showOlder() {
  const [mine, { cursor }] = [room, room];
  mine.asking = true;
  showMessages();
  try {
    const { result } = await call({ functionPath: "messages:page", shardKey: channel, args: { cursor, limit: PAGE } });
    if (mine.cursor === cursor) {
      mine.messages.unshift(...result.page.toReversed());
      Object.assign(mine, { cursor: result.continueCursor, isDone: result.isDone });
    }
    if (mine === room) showError("");
  } catch (error) {
    if (mine === room) showError(`Older messages could not be loaded: ${error.message}`);
  }
  mine.asking = false;
  if (mine === room) showMessages({ keepEnd: true });
}

/** Asks for the newest messages of all channels, in the view that shows them. */
async function refreshAll() {
  if (!session || channel !== null || document.hidden) return;
  const mine = room;
  try {
    const { data, failed } = await across("messages", "_creationTime", PAGE);
    if (mine !== room) return;
    Object.assign(room, { messages: data.toReversed(), loaded: true, isDone: true });
    showError(failed > 0 ? `Channels that did not answer: ${failed}. Their messages are missing here.` : "");
    showState("polling");
    if (data.some((message) => !channels?.includes(message.channel))) refreshChannels();
  } catch (error) {
    if (mine !== room) return;
    showState(navigator.onLine ? "connecting" : "offline");
    if (error.code) showError(error.message);
  }
  showMessages();
}

async function refreshChannels() {
  if (!session || document.hidden) return;
  try {
    const { data, failed } = await across("channels", "lastMessageAt", 200);
    const names = data.map(({ name }) => name);
    // A channel that did not answer is still there.
    channels = [...new Set([...names, ...(failed > 0 ? channels ?? [] : [])])];
    showChannels();
  } catch {
    // The next refresh tries again.
  }
}

setInterval(refreshAll, ALL_EVERY_MS);
setInterval(refreshChannels, CHANNELS_EVERY_MS);

function refresh() {
  refreshAll();
  refreshChannels();
  live?.hurry();
  flush();
}

addEventListener("online", refresh);
addEventListener("offline", () => session && showState("offline"));
document.addEventListener("visibilitychange", () => {
  if (document.hidden || !session) return;
  refresh();
  // "Today" may be over.
  showMessages();
});

// --- Sending ------------------------------------------------------------------------------------

/** Changes the outbox. Other windows of this browser change it too, so that the stored one counts. */
function change(update, how) {
  outbox = update(stored("outbox", []));
  store("outbox", outbox);
  showMessages(how);
}

const discard = ({ id }) => change((all) => all.filter((other) => other.id !== id));

addEventListener("storage", ({ key }) => {
  if (key !== "outbox") return;
  outbox = stored("outbox", []);
  showMessages();
});

$("send").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value;
  if (text.trim() === "") return;
  $("text").value = "";
  showError("");
  change((all) => [...all, { id: crypto.randomUUID(), author: session.name, channel, text }], { toEnd: true });
  flush();
});

/** Codes after which the same write may be sent again; any other code is final. */
const AGAIN = new Set([undefined, "RATE_LIMITED", "TOO_MANY_REQUESTS", "SHARD_ERROR", "SHARD_UNAVAILABLE", "UNAUTHORIZED"]);
let flushing = false;

/** Sends the outbox in its order. Each write carries its own id, so that a repeated one is stored once. */
async function flush() {
  if (flushing) return;
  flushing = true;
  try {
    for (let one; (one = outbox.find(({ author, refused }) => author === session?.name && !refused)); ) {
      const { id, channel: shardKey, text } = one;
      try {
        const { result } = await call(
          { functionPath: "messages:send", args: { id, text }, shardKey },
          { "x-lunora-mutation-id": id, "x-lunora-client-id": clientId },
        );
        // Until the live query has it.
        if (shardKey === channel) room.sent.push(result);
        discard(one);
      } catch (error) {
        if (AGAIN.has(error.code)) throw error;
        refuse(one, error.message);
      }
    }
  } catch {
    setTimeout(flush, 2000);
  } finally {
    flushing = false;
  }
}

/** Returns a refused text to the field. If the field is in use, the text waits in the list. */
function refuse(one, reason) {
  showError(one.channel === channel ? `Not sent: ${reason}` : `Not sent to #${one.channel}: ${reason}`);
  if (one.channel === channel && $("text").value === "") return edit(one);
  change((all) => all.map((other) => (other.id === one.id ? { ...other, refused: reason } : other)));
}

function edit(one) {
  discard(one);
  $("text").value = one.text;
  $("text").focus();
}

// --- What is shown ------------------------------------------------------------------------------

const STATES = { live: "Live", polling: "Updates every 5 seconds", connecting: "Connecting…", offline: "Offline" };

function showState(state) {
  $("state").dataset.state = state;
  $("state").textContent = STATES[state];
}

function showError(text) {
  $("chat-error").textContent = text;
}

/** One element per message of the view, by its id and what is known of it. */
let items = new Map();

function item(key, className, build) {
  if (!items.has(key)) items.set(key, element("li", { className }, ...build()));
  return items.get(key);
}

function storedItem({ _id, author, channel: from, text, _creationTime }) {
  const mine = author === session.name;
  const li = item(_id, `message${mine ? " mine" : ""}`, () => {
    const at = new Date(_creationTime);
    const time = element("time", { dateTime: at.toISOString(), title: at.toLocaleString("en-GB") });
    const name = channel === null ? `${author} in #${from} · ` : `${author} · `;
    const parts = [element("p", { className: "by" }, name, time), element("p", {}, text)];
    return channel === null ? [element("a", { href: hashOf(from) }, ...parts)] : parts;
  });
  const time = li.querySelector("time");
  const label = when(_creationTime);
  if (time.textContent !== label) time.textContent = label;
  return li;
}

const waitingItem = (one) =>
  one.refused
    ? item(`refused ${one.id}`, "message mine refused", () => [
        element("p", { className: "by" }, `Not sent: ${one.refused}`),
        element("p", {}, one.text),
        element("button", { type: "button", onclick: () => edit(one) }, "Edit"),
      ])
    : item(`pending ${one.id}`, "message mine pending", () => [
        element("p", { className: "by" }, `${one.author} · sending…`),
        element("p", {}, one.text),
      ]);

const olderButton = element("button", { type: "button", id: "older", onclick: showOlder });
const olderItem = element("li", { className: "older" }, olderButton);
const noticeItem = element("li", { className: "notice" });

function notice(isEmpty) {
  if (room.failed) return "The messages could not be loaded.";
  if (!room.loaded) return "Loading…";
  if (isEmpty) return channel === null ? "No messages in any channel yet." : "No messages yet.";
  return "";
}

/** Shows the messages. The list stays at its end if it was there, or `toEnd`; `keepEnd` keeps its distance to it. */
function showMessages({ toEnd = false, keepEnd = false } = {}) {
  if (!session) return;
  const list = $("messages");
  const fromEnd = list.scrollHeight - list.scrollTop;
  const atEnd = fromEnd - list.clientHeight < 40;
  const messages = [...room.messages, ...room.sent.filter(({ _id }) => !room.messages.some((one) => one._id === _id))];
  const there = new Set(messages.map(({ _id }) => _id));
  const waiting = outbox.filter((one) => one.author === session.name && one.channel === channel && !there.has(one.id));
  const wanted = [...messages.map(storedItem), ...waiting.map(waitingItem)];
  noticeItem.textContent = notice(wanted.length === 0);
  if (noticeItem.textContent) wanted.unshift(noticeItem);
  olderButton.textContent = room.asking ? "Loading…" : "Show older";
  olderButton.disabled = Boolean(room.asking);
  if (room.loaded && !room.isDone) wanted.unshift(olderItem);
  else if (document.activeElement === olderButton) list.focus();
  setChildren(list, wanted);
  list.setAttribute("aria-busy", String(!room.loaded && !room.failed));
  if (toEnd || (atEnd && !keepEnd)) list.scrollTop = list.scrollHeight;
  else if (keepEnd) list.scrollTop = list.scrollHeight - fromEnd;
}

const links = new Map();
const loadingItem = element("li", { className: "hint" }, "Loading…");

function showChannels() {
  const byName = new Intl.Collator("en").compare;
  const names = new Set([...(channels ?? []), FALLBACK, ...(channel === null ? [] : [channel])]);
  const wanted = [null, ...[...names].sort(byName)].map((name) => {
    if (!links.has(name)) {
      const link = element("a", { href: hashOf(name), className: name === null ? "all" : "" }, name ?? "All channels");
      links.set(name, element("li", {}, link));
    }
    const li = links.get(name);
    if (name === channel) li.firstChild.setAttribute("aria-current", "page");
    else li.firstChild.removeAttribute("aria-current");
    return li;
  });
  setChildren($("channels"), channels ? wanted : [...wanted, loadingItem]);
  links.get(channel).scrollIntoView({ block: "nearest", inline: "nearest" });
}

$("skip").addEventListener("click", (event) => {
  // The hash names the channel.
  event.preventDefault();
  (session ? (channel === null ? $("messages") : $("text")) : $("name")).focus();
});

$("new-channel").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = $("channel-name").value.trim();
  if (name === "") return;
  $("channel-name").value = "";
  location.hash = hashOf(name);
});

addEventListener("hashchange", start);

/** Shows the view that the URL names, or the form to sign in. */
function start() {
  live?.close();
  live = undefined;
  if (session?.expiresAtMs <= Date.now()) return signOut("Your session has ended. Sign in again.");
  const wanted = readHash(location.hash);
  if (session && wanted.malformed) history.replaceState(null, "", hashOf(wanted.channel));
  channel = wanted.channel;
  room = { messages: [], sent: [], loaded: false, isDone: true };
  items = new Map();
  showError(wanted.malformed ? `The address named no channel. This is #${channel}.` : "");
  for (const id of ["chat", "sign-out", "who"]) $(id).hidden = !session;
  $("sign-in").hidden = Boolean(session);
  const title = channel === null ? "All channels" : `# ${channel}`;
  document.title = session ? `${title} · Chat` : "Chat on lunora";
  if (!session) {
    channels = null;
    return $("name").focus();
  }
  $("who").replaceChildren(element("span", {}, "Signed in as "), element("strong", {}, session.name));
  $("channel-title").textContent = title;
  $("send").hidden = channel === null;
  $("create").open = false;
  showChannels();
  showMessages();
  refreshChannels();
  if (channel === null) {
    showState(navigator.onLine ? "connecting" : "offline");
    refreshAll();
    return $("messages").focus();
  }
  watch();
  $("text").focus();
  flush();
}

start();
