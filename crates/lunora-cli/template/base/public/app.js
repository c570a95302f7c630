const [all, tasks, add, status] = ["all", "tasks", "add", "status"].map((id) => document.getElementById(id));

/** The list that is shown: each one is a shard of its own. */
const shardKey = new URLSearchParams(location.search).get("list") || "groceries";

/** Calls functions, of this list or across all lists. */
async function rpc(call) {
  const response = await fetch("/_lunora/rpc", { method: "POST", body: JSON.stringify(call) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error.message);
  return answer;
}

/** Shows the value of a query, now and after every write that changes it. */
function live(functionPath, show) {
  const url = new URL("/_lunora/ws", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.searchParams.set("shard", shardKey);
  const socket = new WebSocket(url);
  socket.onopen = () => {
    status.textContent = "";
    socket.send(JSON.stringify({ type: "subscribe", id: functionPath, query: { functionPath, args: {} } }));
  };
  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    if (frame.type === "data") show(frame.data);
    if (frame.type === "error") status.textContent = frame.message;
  };
  socket.onclose = () => {
    status.textContent = "Connecting …";
    setTimeout(live, 500 + Math.random() * 1500, functionPath, show);
  };
}

function show(list) {
  tasks.replaceChildren(...list.map(({ title }) => {
    const item = document.createElement("li");
    item.textContent = title;
    return item;
  }));
  count().catch((error) => (status.textContent = error.message));
}

async function count() {
  const fanOut = { table: "tasks", merge: { kind: "sum" } };
  const { data } = await rpc({ functionPath: "tasks:count", args: {}, fanOut });
  all.textContent = `Tasks in all lists: ${data}`;
}

add.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await rpc({ functionPath: "tasks:add", shardKey, args: { title: add.elements.title.value } });
    add.reset();
    status.textContent = "";
  } catch (error) {
    status.textContent = error.message;
  }
});

document.getElementById("choose").elements.list.value = shardKey;
live("tasks:list", show);
