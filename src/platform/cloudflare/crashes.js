// What ran in the objects when an instance of the wasm module died.

/** By object: the live query that runs. A trap leaves it here, and the next instance finds it. */
const running = new Map();
/** By object: the last live queries under which an instance died. */
const crashed = new Map();
const MOST_CRASHES = 32;
/** By object: the call with an id that runs, as object and id. */
const calling = new Map();
/** How often an instance died under a call, by object and id. The first to crash is forgotten first. */
const callCrashes = new Map();
const MOST_CALLS = 1024;
let instances = 0;

/** The ids of the objects: the runtime makes the text of one anew each time. */
const ids = new WeakMap();

function idOf(state) {
  let id = ids.get(state);
  if (id === undefined) {
    id = state.id.toString();
    ids.set(state, id);
  }
  return id;
}

/** Called once by each instance that has objects. Returns whether it replaces another. */
export function startInstance() {
  const at = Date.now();
  for (const [object, query] of running) {
    const crashes = crashed.get(object) ?? [];
    crashes.push({ ...JSON.parse(query), at });
    crashed.set(object, crashes.slice(-MOST_CRASHES));
  }
  running.clear();
  for (const call of calling.values()) {
    const count = callCrashes.get(call) ?? 0;
    callCrashes.delete(call);
    callCrashes.set(call, count + 1);
    if (callCrashes.size > MOST_CALLS) callCrashes.delete(callCrashes.keys().next().value);
  }
  calling.clear();
  return ++instances > 1;
}

/** Notes that a call begins to run in an object. Returns how often an instance died under it. */
export function beginCall(state, id) {
  const object = idOf(state);
  const call = `${object}\n${id}`;
  calling.set(object, call);
  return callCrashes.get(call) ?? 0;
}

/** Notes that no call runs in an object. */
export function endCall(state) {
  calling.delete(idOf(state));
}

/** Notes which live query runs in an object, or that none does. */
export function noteRunning(state, query) {
  const object = idOf(state);
  if (query === undefined) running.delete(object);
  else running.set(object, query);
}

export const crashes = (state) => JSON.stringify(crashed.get(idOf(state)) ?? []);
