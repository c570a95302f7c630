// src/svelte.ts
function queryStore(client, path, args = {}, options = {}) {
  const runs = /* @__PURE__ */ new Set();
  let subscription;
  const state = () => ({ value: subscription?.value, error: subscription?.error });
  const update = () => runs.forEach((run) => run(state()));
  return {
    subscribe: (given) => {
      const run = (state2) => given(state2);
      runs.add(run);
      subscription ??= client.subscribe(path, args, options, { onValue: update, onError: update });
      run(state());
      return () => {
        runs.delete(run);
        if (runs.size > 0) return;
        subscription?.close();
        subscription = void 0;
      };
    }
  };
}
export {
  queryStore
};
