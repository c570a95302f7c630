import type { Clock } from "./clock.js";
import { randomId } from "./id.js";
import type { Topic } from "./topic.js";

/** One client of a topic that announced itself. */
export interface Member<T = unknown> {
  /** Identifies the announcement; a client that announces itself again has another one. */
  id: string;
  /** Names the user; `null` if anonymous. */
  user: string | null;
  /** Holds what the member announced. */
  state: T;
}

/** The announced presence of this client. */
export interface Presence<T> {
  /** Announces another state. */
  update(state: T): void;
  /** Leaves: the others see it at once. */
  close(): void;
}

const ANNOUNCE_MS = 10_000;
const GONE_MS = 25_000;

/** Announces `state` in a topic of its own, and hears who else is there. A member that falls silent is dropped after 25 seconds. */
export function joinPresence<T>(
  topic: Pick<Topic, "listen" | "send">,
  state: T,
  onMembers: (members: Member<T>[]) => void,
  clock: Pick<Clock, "now" | "setTimeout" | "clearTimeout"> = { now: Date.now, setTimeout, clearTimeout: (timer) => clearTimeout(timer as number) },
): Presence<T> {
  type Said = { id: string; state: T; isGone?: boolean };
  const id = randomId();
  const members = new Map<string, { member: Member<T>; heardAt: number }>();
  const tell = (): void => onMembers([...members.values()].map(({ member }) => member));
  const announce = (): void => topic.send({ id, state });
  const leave = topic.listen<Said>(({ data, from }) => {
    const isNew = !members.has(data.id) && !data.isGone;
    if (data.isGone) members.delete(data.id);
    else members.set(data.id, { member: { id: data.id, user: from, state: data.state }, heardAt: clock.now() });
    // A new member hears of this client at once.
    if (isNew) announce();
    tell();
  }, announce);
  let timer: unknown;
  const beat = (): void => {
    announce();
    const { size } = members;
    for (const [id, { heardAt }] of members) if (clock.now() - heardAt > GONE_MS) members.delete(id);
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
    },
  };
}
