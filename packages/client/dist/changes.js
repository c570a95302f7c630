// src/changes.ts
var held = /* @__PURE__ */ new WeakMap();
var changes = { caps: ["pageDelta"], take };
function take(frame, query) {
  const isPositioned = frame["cursor"] !== void 0;
  if (frame["type"] === "data") held.set(query, { value: frame["data"], isPositioned });
  const known = held.get(query);
  if (frame["type"] !== "delta" || !known) return frame;
  change(Array.isArray(known.value) ? known.value : known.value.page, frame["delta"]);
  return isPositioned || !known.isPositioned ? { ...frame, type: "data", data: known.value } : {};
}
function change(rows, { op, key, row }) {
  const at = rows.findIndex(({ _id }) => _id === key);
  if (op === "delete") rows.splice(at, 1);
  else if (op === "update") rows[at] = row;
  else {
    const time = row._creationTime;
    const ascends = rows[0]._creationTime < rows.at(-1)._creationTime;
    const place = rows.findIndex(({ _creationTime: other }) => ascends ? other > time : other < time);
    rows.splice(place < 0 ? rows.length : place, 0, row);
  }
}
export {
  changes
};
