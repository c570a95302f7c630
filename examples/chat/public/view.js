// @ts-check
// What the page draws: the form to sign in, the channels, the messages of the view, and texts that were refused.

/** @import { Actions, Channel, FanOutAnswer, Message, PageElement, Refused, Room, State, Unsent } from "./types.js" */

const FALLBACK = "general";
/** The hash of the view across all channels. A channel of this name would be `#%2Fall`. */
const ALL = "#/all";

/** Reads a hash: `{ channel }`, which is null for all channels, and whether the hash was malformed. */
export function readHash(/** @type {string} */ hash) {
  if (hash === ALL) return { channel: null };
  try {
    const channel = decodeURIComponent(hash.slice(1));
    // The longest key of a shard.
    if (new TextEncoder().encode(channel).length <= 1024) return { channel: channel || FALLBACK };
  } catch {
    // Not the encoding of a text.
  }
  return { channel: FALLBACK, malformed: true };
}

const hashOf = (/** @type {string | null} */ channel) => (channel === null ? ALL : `#${encodeURIComponent(channel)}`);

const format = (/** @type {Intl.DateTimeFormatOptions} */ options) => new Intl.DateTimeFormat("en-GB", options);
const TIME = format({ hour: "2-digit", minute: "2-digit" });
const WEEKDAY = format({ weekday: "short" });
const DATE = format({ day: "numeric", month: "short" });
const DATE_AND_YEAR = format({ day: "numeric", month: "short", year: "numeric" });

/** Formats a time: "Today 14:03", "Mon 14:03" within a week, "12 Mar", "12 Mar 2025". */
export function when(/** @type {number} */ ms, now = Date.now()) {
  const date = new Date(ms);
  const midnight = (/** @type {number} */ time) => new Date(time).setHours(0, 0, 0, 0);
  // Rounded, since a day of a change of clocks has 23 or 25 hours.
  const days = Math.round((midnight(now) - midnight(ms)) / 86_400_000);
  if (days === 0) return `Today ${TIME.format(date)}`;
  if (days > 0 && days < 7) return `${WEEKDAY.format(date)} ${TIME.format(date)}`;
  return (date.getFullYear() === new Date(now).getFullYear() ? DATE : DATE_AND_YEAR).format(date);
}

const $ = (/** @type {string} */ id) => /** @type {PageElement} */ (document.getElementById(id));

/** @returns {Room} */
export const newRoom = () => ({ messages: [], sent: [], isDone: true });

/** @type {(key: string, value: unknown) => void} */
export const store = (key, value) => localStorage.setItem(key, JSON.stringify(value));

/** @type {<T>(key: string, fallback: T) => T} */
export function stored(key, fallback) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null") ?? fallback;
  } catch {
    return fallback;
  }
}

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Partial<HTMLElementTagNameMap[T]>} properties
 * @param {(Node | string)[]} children
 */
function element(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/**
 * Makes `wanted` the children of `parent`, and touches only those that differ: focus and selection stay, and a
 * screen reader hears what is new.
 * @param {Element} parent
 * @param {ChildNode[]} wanted
 */
function setChildren(parent, wanted) {
  let at = parent.firstChild;
  const stays = new Set(wanted);
  for (const child of wanted) {
    while (at && !stays.has(at)) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
    if (child === at) at = at.nextSibling;
    else parent.insertBefore(child, at);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

// --- The view and its form ----------------------------------------------------------------------

/**
 * Hears what the user does.
 * @type {(state: State, actions: Actions) => void}
 */
export function listen(state, { start, refresh, showClient, send, signIn, signOut }) {
  $("sign-in-form").addEventListener("submit", (event) => {
    event.preventDefault();
    signIn($("name").value).catch((error) => showSignIn(error.message));
  });
  $("sign-out").addEventListener("click", signOut);
  $("send").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = $("text").value;
    if (text.trim() === "") return;
    $("text").value = "";
    showError("");
    send(text);
  });
  $("new-channel").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = $("channel-name").value.trim();
    if (name === "") return;
    $("channel-name").value = "";
    location.hash = hashOf(name);
  });
  $("skip").addEventListener("click", (event) => {
    // The hash names the channel.
    event.preventDefault();
    focusMain(state);
  });
  olderButton.addEventListener("click", () => state.room.pages?.loadMore());
  editRefused = (one) => {
    changeRefused(state, (all) => all.filter(({ id }) => id !== one.id));
    $("text").value = one.text;
    $("text").focus();
  };
  addEventListener("storage", ({ key }) => {
    if (key !== REFUSED) return;
    refused = stored(REFUSED, []);
    showMessages(state);
  });
  addEventListener("hashchange", start);
  addEventListener("offline", () => state.session && showState("offline"));
  addEventListener("online", () => {
    showClient();
    refresh();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || !state.session) return;
    refresh();
    // "Today" may be over.
    showMessages(state);
  });
}

function focusMain(/** @type {State} */ { session, channel }) {
  $(session ? (channel === null ? "messages" : "text") : "name").focus();
}

/** Shows another view, or the form to sign in. */
export function show(/** @type {State} */ state) {
  const { session, channel } = state;
  const { malformed } = readHash(location.hash);
  if (session && malformed) history.replaceState(null, "", hashOf(channel));
  items = new Map();
  showError(malformed ? `The address named no channel. This is #${channel}.` : "");
  for (const id of ["chat", "sign-out", "who"]) $(id).hidden = !session;
  $("sign-in").hidden = Boolean(session);
  const title = channel === null ? "All channels" : `# ${channel}`;
  document.title = session ? `${title} · Chat` : "Chat on lunora";
  if (session) {
    $("who").replaceChildren(element("span", {}, "Signed in as "), element("strong", {}, session.name));
    $("channel-title").textContent = title;
    $("send").hidden = channel === null;
    $("create").open = false;
    showState("connecting");
    showLinks(state);
    showMessages(state);
  }
  focusMain(state);
}

export function showSignIn(/** @type {string} */ why) {
  $("sign-in-error").textContent = why;
}

/** @type {Record<string, string>} */
const STATES = { live: "Live", polling: "Updates every 5 seconds", connecting: "Connecting…", offline: "Offline" };

/** Shows whether the messages are current: `live`, `polling`, or anything else while they are not. */
export function showState(/** @type {string} */ current) {
  const state = !navigator.onLine || !STATES[current] ? "offline" : current;
  $("state").dataset.state = state;
  $("state").textContent = STATES[state];
}

export function showError(/** @type {string} */ text) {
  $("chat-error").textContent = text;
}

// --- The messages -------------------------------------------------------------------------------

/** One element per message of the view, by its id and what is known of it. */
/** @type {Map<string, HTMLLIElement>} */
let items = new Map();

/** @type {(key: string, className: string, build: () => HTMLElement[]) => HTMLLIElement} */
function item(key, className, build) {
  const li = items.get(key) ?? element("li", { className }, ...build());
  items.set(key, li);
  return li;
}

/** @type {(state: State, message: Message) => HTMLLIElement} */
function storedItem({ session, channel }, { _id, author, channel: from, text, _creationTime }) {
  const li = item(_id, `message${author === session?.name ? " mine" : ""}`, () => {
    const at = new Date(_creationTime);
    const time = element("time", { dateTime: at.toISOString(), title: at.toLocaleString("en-GB") });
    const name = channel === null ? `${author} in #${from} · ` : `${author} · `;
    const parts = [element("p", { className: "by" }, name, time), element("p", {}, text)];
    return channel === null ? [element("a", { href: hashOf(from) }, ...parts)] : parts;
  });
  const time = /** @type {HTMLTimeElement} */ (li.querySelector("time"));
  const label = when(_creationTime);
  if (time.textContent !== label) time.textContent = label;
  return li;
}

const waitingItem = (/** @type {Unsent} */ { id, author, text }) =>
  item(`pending ${id}`, "message mine pending", () => [
    element("p", { className: "by" }, `${author} · sending…`),
    element("p", {}, text),
  ]);

const refusedItem = (/** @type {Refused} */ one) =>
  item(`refused ${one.id}`, "message mine refused", () => [
    element("p", { className: "by" }, `Not sent: ${one.reason}`),
    element("p", {}, one.text),
    element("button", { type: "button", onclick: () => editRefused(one) }, "Edit"),
  ]);

const olderButton = element("button", { type: "button", id: "older" });
const olderItem = element("li", { className: "older" }, olderButton);
const noticeItem = element("li", { className: "notice" });

function notice(/** @type {State} */ { room, channel }, /** @type {boolean} */ isEmpty) {
  if (room.failed) return "The messages could not be loaded.";
  if (!room.loaded) return "Loading…";
  if (isEmpty) return channel === null ? "No messages in any channel yet." : "No messages yet.";
  return "";
}

/** Shows the messages. The list stays at its end if it was there, or `toEnd`; `keepEnd` keeps its distance to it. */
export function showMessages(/** @type {State} */ state, { toEnd = false, keepEnd = false } = {}) {
  const { session, channel, room, waiting } = state;
  if (!session) return;
  const list = $("messages");
  const fromEnd = list.scrollHeight - list.scrollTop;
  const atEnd = fromEnd - list.clientHeight < 40;
  const messages = [...room.messages, ...room.sent.filter(({ _id }) => !room.messages.some((one) => one._id === _id))];
  const there = new Set(messages.map(({ _id }) => _id));
  /** @type {<T extends Unsent>(all: T[]) => T[]} */
  const mine = (all) => all.filter((one) => one.author === session.name && one.channel === channel && !there.has(one.id));
  const wanted = [
    ...messages.map((message) => storedItem(state, message)),
    ...mine(waiting).map(waitingItem),
    ...mine(refused).map(refusedItem),
  ];
  noticeItem.textContent = notice(state, wanted.length === 0);
  if (noticeItem.textContent) wanted.unshift(noticeItem);
  olderButton.textContent = room.isLoading ? "Loading…" : "Show older";
  olderButton.disabled = Boolean(room.isLoading);
  if (room.loaded && !room.isDone) wanted.unshift(olderItem);
  else if (document.activeElement === olderButton) list.focus();
  setChildren(list, wanted);
  list.setAttribute("aria-busy", String(!room.loaded && !room.failed));
  if (toEnd || (atEnd && !keepEnd)) list.scrollTop = list.scrollHeight;
  else if (keepEnd) list.scrollTop = list.scrollHeight - fromEnd;
}

/**
 * Shows the newest messages of all channels.
 * @type {(state: State, answer: FanOutAnswer<Message[]>) => void}
 */
export function showAll(state, { data, failed }) {
  Object.assign(state.room, { messages: data.toReversed(), loaded: true });
  showError(failed > 0 ? `Channels that did not answer: ${failed}. Their messages are missing here.` : "");
  showState("polling");
  showMessages(state);
}

// --- Refused texts ------------------------------------------------------------------------------

const REFUSED = "refused";
/** The refused texts that wait in the list, of all users and channels of this browser. */
let refused = stored(REFUSED, /** @type {Refused[]} */ ([]));
/** @type {(one: Refused) => void} */
let editRefused;

/**
 * Changes the refused texts. Other windows of this browser change them too, so that the stored ones count.
 * @type {(state: State, update: (all: Refused[]) => Refused[]) => void}
 */
function changeRefused(state, update) {
  refused = update(stored(REFUSED, /** @type {Refused[]} */ ([])));
  store(REFUSED, refused);
  showMessages(state);
}

/** Returns a refused text to the field. If the field is in use, the text waits in the list. */
export function refuse(/** @type {State} */ state, /** @type {Refused} */ one) {
  const isHere = one.channel === state.channel;
  showError(isHere ? `Not sent: ${one.reason}` : `Not sent to #${one.channel}: ${one.reason}`);
  if (isHere && $("text").value === "") {
    $("text").value = one.text;
    $("text").focus();
  } else changeRefused(state, (all) => [...all, one]);
}

// --- The channels -------------------------------------------------------------------------------

/** @type {Map<string | null, HTMLAnchorElement>} */
const links = new Map();
const loadingItem = element("li", { className: "hint" }, "Loading…");

/**
 * Shows the channels of an answer. One that did not answer is still there.
 * @type {(state: State, answer: FanOutAnswer<Channel[]>) => void}
 */
export function showChannels(state, { data, failed }) {
  const kept = failed > 0 ? (state.channels ?? []) : [];
  state.channels = [...new Set([...data.map(({ name }) => name), ...kept])];
  showLinks(state);
}

function showLinks(/** @type {State} */ { channel, channels }) {
  const byName = new Intl.Collator("en").compare;
  const names = new Set([...(channels ?? []), FALLBACK, ...(channel === null ? [] : [channel])]);
  const wanted = [null, ...[...names].sort(byName)].map((name) => {
    const link = links.get(name) ??
      element("a", { href: hashOf(name), className: name === null ? "all" : "" }, name ?? "All channels");
    const li = link.parentElement ?? element("li", {}, link);
    links.set(name, link);
    if (name === channel) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    return li;
  });
  setChildren($("channels"), channels ? wanted : [...wanted, loadingItem]);
  links.get(channel)?.parentElement?.scrollIntoView({ block: "nearest", inline: "nearest" });
}
