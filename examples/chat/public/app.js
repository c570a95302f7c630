// @ts-check
// The page: a live query of one channel, queries across all of them, and messages that survive being offline.
import { api } from "/client/api.js";
import { IndexedDbStorage, LunoraClient } from "/lunora-client/index.js";
import { paginate } from "/lunora-client/pages.js";
import * as view from "./view.js";
/** @import { Ask, LunoraError, Message, PageRequest, QueuedWrite, Room, Send, Session, State } from "./types.js" */

const ENDED = "Your session has ended. Sign in again.";
/** @type {State} What is shown; `channel` is null in the view of all of them, and `channels` before the first answer. */
const state = { session: view.stored("session", null), channels: null, waiting: [], channel: null, room: view.newRoom() };
let client = /** @type {LunoraClient | undefined} */ (undefined);

/** Signs a user in, or out. What one has written waits while another one is signed in. */
function enter(/** @type {Session | null} */ session, why = "") {
  view.store("session", session);
  client?.close();
  client = undefined;
  Object.assign(state, { session, channels: null, waiting: [] });
  start();
  view.showSignIn(why);
}

async function signIn(/** @type {string} */ name) {
  const headers = { "content-type": "application/json" };
  const response = await fetch("/api/sign-in", { method: "POST", headers, body: JSON.stringify({ name }) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error.message);
  enter(answer);
}

function connect(/** @type {Session} */ { token, name: author }) {
  const storage = new IndexedDbStorage(`chat:${author}`);
  const mine = new LunoraClient({ url: location.origin, token, storage, subject: () => author });
  const unsent = (/** @type {QueuedWrite} */ { id, shard: channel, args }) =>
    ({ id, channel, text: /** @type {Send} */ (args).text, author });
  const showWaiting = async (toEnd = false) => {
    const waiting = (await mine.pendingWrites().catch(() => [])).map(unsent);
    if (mine === client) view.showMessages(Object.assign(state, { waiting }), { toEnd });
  };
  mine.onState(showClient);
  mine.onWrite((event) => {
    if (event.type === "sent" && event.write.shard === state.channel)
      state.room.sent.push(/** @type {Message} */ (event.value));
    if (event.type === "refused") view.refuse(state, { ...unsent(event.write), reason: event.error.message });
    showWaiting(event.type === "queued");
  });
  showWaiting();
  return mine;
}

const showClient = () => client && state.channel !== null && view.showState(client.state);

function send(/** @type {string} */ text) {
  const id = crypto.getRandomValues(new Uint32Array(4)).join("-");
  const sent = client?.mutation(api.messages.send, { id, text }, { id, shard: state.channel ?? undefined, offline: true });
  // The outbox tells what becomes of it. An error of its storage has no code.
  sent?.catch((error) => error.code || view.showError(`The message could not be kept: ${error.message}`));
}

function fail(/** @type {LunoraError} */ error) {
  if (["UNAUTHORIZED", "TOKEN_EXPIRED"].includes(error.code)) enter(null, ENDED);
  else view.showError(error.message);
}

function watch(/** @type {LunoraClient} */ client, /** @type {Room} */ room, /** @type {string} */ shard) {
  const toArgs = (/** @type {PageRequest} */ { cursor, endCursor, numItems: limit }) => ({ cursor, endCursor, limit });
  return paginate(client, api.messages.page, {}, { shard, toArgs }, {
    onValue(value) {
      if (room.failed) view.showError("");
      const messages = value.items.toReversed();
      const how = { keepEnd: room.isLoading };
      Object.assign(room, value, { messages, loaded: room.loaded || !value.isLoading, failed: false });
      view.showMessages(state, how);
      if (messages.length > 0 && !state.channels?.includes(shard)) refresh();
    },
    onError(error) {
      room.failed = !room.loaded;
      fail(error);
      view.showMessages(state);
    },
  });
}

/** Asks all channels for their names, and in the view of all of them for their newest messages. */
async function refresh() {
  const [asked, { room, channel }] = [client, state];
  if (!asked || document.hidden) return;
  /** @type {Ask} */
  const ask = (query, by, k) => asked.queryShards(query, {}, { table: "messages", merge: { kind: "topK", k, by } });
  try {
    const newest = channel === null && ask(api.messages.list, "_creationTime", 50);
    const [channels, messages] = await Promise.all([ask(api.channels.list, "lastMessageAt", 200), newest]);
    if (room !== state.room) return;
    view.showChannels(state, channels);
    if (messages) view.showAll(state, messages);
  } catch (/** @type {any} */ error) {
    // The next refresh tries again; a live query reports what else is wrong.
    if (room !== state.room || channel !== null) return;
    view.showState("connecting");
    if (!error.isTransient) fail(error);
  }
}

/** Shows the view that the URL names, or the form to sign in. */
function start() {
  state.room.pages?.close();
  if (state.session && state.session.expiresAtMs <= Date.now()) return enter(null, ENDED);
  view.show(Object.assign(state, { channel: view.readHash(location.hash).channel, room: view.newRoom() }));
  if (!state.session) return;
  client ??= connect(state.session);
  if (state.channel !== null) state.room.pages = watch(client, state.room, state.channel);
  showClient();
  refresh();
}

view.listen(state, { start, refresh, showClient, send, signIn, signOut: () => enter(null) });
setInterval(() => state.channel === null && refresh(), 5_000);
setInterval(refresh, 20_000);
start();
