import assert from "node:assert/strict";
import { test } from "node:test";
import { createHooks } from "../dist/react.js";
import { queryStore } from "../dist/svelte.js";

/** A client with one query, whose value `say` changes. */
function fakeLive() {
  const open = [];
  const client = {
    subscribe: (path, args, { shard }, listener) => {
      const one = { path, args, shard, value: undefined, error: undefined, close: () => open.splice(open.indexOf(one), 1) };
      one.say = (value) => listener.onValue((one.value = value));
      one.fail = (error) => listener.onError((one.error = error));
      open.push(one);
      return one;
    },
    mutation: async (...call) => call,
  };
  return { client, open };
}

/** The parts of React that one component needs. */
function fakeReact() {
  let cell, unsubscribe, subscribed;
  const renders = { count: 0 };
  const sameDeps = (deps) => cell && deps.every((dep, at) => dep === cell.deps[at]);
  const react = {
    useMemo: (make, deps) => (sameDeps(deps) ? cell.value : (cell = { deps, value: make() }).value),
    useCallback: (callback) => callback,
    useSyncExternalStore: (subscribe, get) => {
      if (subscribed !== subscribe) {
        unsubscribe?.();
        unsubscribe = (subscribed = subscribe)(() => renders.count++);
      }
      assert.equal(get(), get());
      return get();
    },
  };
  return { react, renders, unmount: () => unsubscribe() };
}

test("useQuery_subscribes_once_for_equal_arguments_and_again_for_others", () => {
  const { client, open } = fakeLive();
  const { react, renders, unmount } = fakeReact();
  const { useQuery } = createHooks(react, client);
  const render = (n = 1) => useQuery("m:list", { n, at: [n] }, { shard: "s" });
  assert.deepEqual(render(), { value: undefined, error: undefined });
  assert.deepEqual([open.length, open[0].shard, open[0].args], [1, "s", { n: 1, at: [1] }]);
  open[0].say([1]);
  assert.equal(renders.count, 1);
  assert.deepEqual(render(), { value: [1], error: undefined });
  assert.equal(open.length, 1);
  open[0].fail("error");
  assert.deepEqual(render(), { value: [1], error: "error" });
  render(2);
  assert.deepEqual(open.map(({ args }) => args.n), [2]);
  unmount();
  assert.equal(open.length, 0);
});

test("useMutation_passes_arguments_and_options", async () => {
  const { client } = fakeLive();
  const { useMutation } = createHooks(fakeReact().react, client);
  const send = useMutation("m:send", { shard: "s" });
  assert.deepEqual(await send({ n: 1 }, { offline: true }), ["m:send", { n: 1 }, { shard: "s", offline: true }]);
});

test("a_store_subscribes_while_it_has_subscribers", () => {
  const { client, open } = fakeLive();
  const store = queryStore(client, "m:list", {}, { shard: "s" });
  assert.equal(open.length, 0);
  const seen = [];
  const stops = [0, 1].map(() => store.subscribe(({ value }) => seen.push(value)));
  open[0].say(1);
  assert.deepEqual([open.length, seen], [1, [undefined, undefined, 1, 1]]);
  stops[0]();
  assert.equal(open.length, 1);
  stops[1]();
  assert.equal(open.length, 0);
});
