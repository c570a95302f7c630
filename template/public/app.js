const [choose, add] = ["choose", "add"].map((id) => document.getElementById(id));
const [all, tasks, status] = ["all", "tasks", "status"].map((id) => document.getElementById(id));

async function rpc(call) {
  const response = await fetch("/_lunora/rpc", { method: "POST", body: JSON.stringify(call) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error.message);
  return answer;
}

async function show() {
  const shardKey = choose.elements.list.value;
  const { result } = await rpc({ functionPath: "tasks:list", shardKey, args: {} });
  tasks.replaceChildren(...result.map(({ title }) => {
    const item = document.createElement("li");
    item.textContent = title;
    return item;
  }));
  const fanOut = { table: "tasks", merge: { kind: "sum" } };
  const { data } = await rpc({ functionPath: "__lunora_relation__:tasks", args: { table: "tasks" }, fanOut });
  all.textContent = `Tasks in all lists: ${data}`;
}

/** Runs an action, and shows its error. */
async function attempt(action) {
  try {
    await action();
    status.textContent = "";
  } catch (error) {
    status.textContent = error.message;
  }
}

choose.addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(show);
});
add.addEventListener("submit", (event) => {
  event.preventDefault();
  const shardKey = choose.elements.list.value;
  attempt(async () => {
    await rpc({ functionPath: "tasks:add", shardKey, args: { title: add.elements.title.value } });
    add.reset();
    await show();
  });
});
attempt(show);
