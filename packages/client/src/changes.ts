/** Takes changes of single rows. */
export interface Changes {
  /** Names what is announced to a shard. */
  readonly caps: readonly string[];
  /** Turns a frame of a live query into one that has the whole value, or into an empty one if more changes follow. */
  take(frame: Record<string, any>, query: object): Record<string, any>;
}

interface Row {
  _id: string;
  _creationTime: number;
}

interface Change {
  op: "insert" | "update" | "delete";
  key: string;
  row: Row;
}

type Value = Row[] | { page: Row[] };

/** What each query holds: the value as it came, and whether its shard names positions. */
const held = new WeakMap<object, { value: Value; isPositioned: boolean }>();

/**
 * Takes changes of single rows instead of whole values. Pass it as the option `changes`.
 *
 * The shard sends them for lists of documents and for pages, where they are shorter than the value.
 */
export const changes: Changes = { caps: ["pageDelta"], take };

function take(frame: Record<string, any>, query: object): Record<string, any> {
  const isPositioned = frame["cursor"] !== undefined;
  if (frame["type"] === "data") held.set(query, { value: frame["data"], isPositioned });
  const known = held.get(query);
  if (frame["type"] !== "delta" || !known) return frame;
  change(Array.isArray(known.value) ? known.value : known.value.page, frame["delta"]);
  // Of several changes in a row, the last one has the position.
  return isPositioned || !known.isPositioned ? { ...frame, type: "data", data: known.value } : {};
}

function change(rows: Row[], { op, key, row }: Change): void {
  const at = rows.findIndex(({ _id }) => _id === key);
  if (op === "delete") rows.splice(at, 1);
  else if (op === "update") rows[at] = row;
  else {
    const time = row._creationTime;
    const ascends = rows[0]!._creationTime < rows.at(-1)!._creationTime;
    const place = rows.findIndex(({ _creationTime: other }) => (ascends ? other > time : other < time));
    rows.splice(place < 0 ? rows.length : place, 0, row);
  }
}
