// The page: signs in by a code, and shows the notes of the user, live.
import { createAuth } from "/lunora-client/auth.js";
import { LunoraClient } from "/lunora-client/index.js";

const auth = createAuth({ url: location.origin });
const $ = (id) => document.getElementById(id);
let client, shard;

function show(id) {
  for (const part of ["ask", "enter", "mine"]) $(part).hidden = part !== id;
  $("error").textContent = "";
  $(id).querySelector("input").focus();
}

/** Runs what a form or a button asks for, and says why it failed. */
const on = (id, event, run) => $(id).addEventListener(event, async (it) => {
  it.preventDefault();
  try {
    await run();
  } catch (error) {
    $("error").textContent = error.message;
  }
});

async function start() {
  const found = await auth.getSession();
  if (!found) return show("ask");
  const { user } = found;
  $("who").textContent = user.email;
  // The browser sends the cookie with each call and with the socket.
  client = new LunoraClient({ url: location.origin });
  shard = user.id;
  const onValue = (notes) => {
    $("notes").replaceChildren(...notes.map(({ text }) => Object.assign(document.createElement("li"), { textContent: text })));
  };
  client.subscribe("notes:list", {}, { shard }, { onValue });
  show("mine");
}

on("ask", "submit", async () => {
  await auth.sendCode($("email").value);
  show("enter");
});
on("enter", "submit", async () => {
  await auth.signIn($("email").value, $("otp").value);
  $("otp").value = "";
  await start();
});
on("add", "submit", async () => {
  await client.mutation("notes:add", { text: $("text").value }, { shard });
  $("text").value = "";
});
on("out", "click", async () => {
  await auth.signOut();
  // The socket was opened by the session that has ended.
  client.close();
  $("notes").replaceChildren();
  show("ask");
});
start();
