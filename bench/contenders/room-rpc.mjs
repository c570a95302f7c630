// (g) The same shard, asked by RPC.
import { worker } from "./same.mjs";
export { Room } from "./room.mjs";

const headers = { "content-type": "application/json" };

export default worker(async (shard, outbound, call) => {
  const { status, body } = await shard.call(outbound, call);
  return { status, headers, body };
});
