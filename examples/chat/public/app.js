// The page: a live query of one channel, queries across all of them, and messages that survive being offline.
import { IndexedDbStorage, LunoraClient } from "/lunora-client/index.js";
import { paginate } from "/lunora-client/pages.js";
import * as view from "./view.js";

const ENDED = "Your session has ended. Sign in again.";
/** What is shown; `channel` is null in the view of all of them, and `channels` before the first answer. */
const state = { session: view.stored("session", null), channels: null, waiting: [] };
let client, pages;

/** Signs a user in, or out. What one has written waits while another one is signed in. */
function enter(session, why = "") {
  view.store("session", session);
  client?.close();
  client = undefined;
  Object.assign(state, { session, channels: null, waiting: [] });
  start();
  view.showSignIn(why);
}

async function signIn(name) {
  const headers = { "content-type": "application/json" };
  const response = await fetch("/api/sign-in", { method: "POST", headers, body: JSON.stringify({ name }) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error.message);
  enter(answer);
}

function connect({ token, name: author }) {
  const storage = new IndexedDbStorage(`chat:${author}`);
  const mine = (client = new LunoraClient({ url: location.origin, token, storage, subject: () => author }));
  const unsent = ({ id, shard, args }) => ({ id, channel: shard, text: args.text, author });
  const showWaiting = async (how) => {
    const waiting = (await mine.pendingWrites().catch(() => [])).map(unsent);
    if (mine === client) view.showMessages(Object.assign(state, { waiting }), how);
  };
  client.onState(showClient);
  client.onWrite(({ type, write, value, error }) => {
    if (type === "sent" && write.shard === state.channel) state.room.sent.push(value);
    if (type === "refused") view.refuse(state, { ...unsent(write), reason: error.message });
    showWaiting({ toEnd: type === "queued" });
  });
  showWaiting();
}

const showClient = () => client && state.channel !== null && view.showState(client.state);

function send(text) {
  const id = crypto.randomUUID();
  const sent = client.mutation("messages:send", { id, text }, { id, shard: state.channel, offline: true });
  // The outbox tells what becomes of it. An error of its storage has no code.
  sent.catch((error) => error.code || view.showError(`The message could not be kept: ${error.message}`));
}

function fail(error) {
  if (["UNAUTHORIZED", "TOKEN_EXPIRED"].includes(error.code)) enter(null, ENDED);
  else view.showError(error.message);
}

function watch({ room, channel: shard }) {
  const toArgs = ({ cursor, endCursor, numItems: limit }) => ({ cursor, endCursor, limit });
  return paginate(client, "messages:page", {}, { shard, toArgs }, {
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
  const { room, channel } = state;
  if (!client || document.hidden) return;
  const ask = (path, by, k) => client.queryShards(path, {}, { table: "messages", merge: { kind: "topK", k, by } });
  try {
    const isAll = channel === null;
    const answers = [ask("channels:list", "lastMessageAt", 200), isAll && ask("messages:list", "_creationTime", 50)];
    const [channels, messages] = await Promise.all(answers);
    if (room !== state.room) return;
    view.showChannels(state, channels);
    if (messages) view.showAll(state, messages);
  } catch (error) {
    // The next refresh tries again; a live query reports what else is wrong.
    if (room !== state.room || channel !== null) return;
    view.showState("connecting");
    if (!error.isTransient) fail(error);
  }
}

/** Shows the view that the URL names, or the form to sign in. */
function start() {
  pages?.close();
  pages = undefined;
  if (state.session?.expiresAtMs <= Date.now()) return enter(null, ENDED);
  const room = { messages: [], sent: [], isDone: true };
  view.show(Object.assign(state, { channel: view.readHash(location.hash).channel, room }));
  if (!state.session) return;
  if (!client) connect(state.session);
  if (state.channel !== null) pages = watch(state);
  showClient();
  refresh();
}

view.listen(state, { start, refresh, showClient, send, signIn, signOut: () => enter(null), older: () => pages.loadMore() });
setInterval(() => state.channel === null && refresh(), 5_000);
setInterval(refresh, 20_000);
start();
