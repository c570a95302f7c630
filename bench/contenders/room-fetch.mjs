// (a) A shard by hand, asked by `fetch`.
export { Room } from "./room.mjs";
export { default } from "./same.mjs";
