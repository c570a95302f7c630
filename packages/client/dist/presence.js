// src/id.ts
var randomId = () => crypto.getRandomValues(new Uint8Array(16)).join("-");

// src/presence.ts
var ANNOUNCE_MS = 1e4;
var GONE_MS = 25e3;
function joinPresence(topic, state, onMembers, clock = { now: Date.now, setTimeout, clearTimeout: (timer) => clearTimeout(timer) }) {
  const id = randomId();
  const members = /* @__PURE__ */ new Map();
  const tell = () => onMembers([...members.values()].map(({ member }) => member));
  const announce = () => topic.send({ id, state });
  const leave = topic.listen(({ data, from }) => {
    const isNew = !members.has(data.id) && !data.isGone;
    if (data.isGone) members.delete(data.id);
    else members.set(data.id, { member: { id: data.id, user: from, state: data.state }, heardAt: clock.now() });
    if (isNew) announce();
    tell();
  }, announce);
  let timer;
  const beat = () => {
    announce();
    const { size } = members;
    for (const [id2, { heardAt }] of members) if (clock.now() - heardAt > GONE_MS) members.delete(id2);
    if (members.size < size) tell();
    timer = clock.setTimeout(beat, ANNOUNCE_MS);
  };
  beat();
  return {
    update: (next) => {
      state = next;
      announce();
    },
    close: () => {
      clock.clearTimeout(timer);
      topic.send({ id, state: null, isGone: true });
      leave();
    }
  };
}
export {
  joinPresence
};
