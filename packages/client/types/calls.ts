// Compiled by `test/types.test.mjs`, never run.
import { LunoraClient, type FunctionReference } from "lunora-client";
import { paginate, type PageAnswer } from "lunora-client/pages";
import { createHooks, type ReactLike } from "lunora-client/react";
import { stream } from "lunora-client/streams";
import { queryStore } from "lunora-client/svelte";

interface Message { _id: string; text: string }
interface Send { id?: string | null; text: string }
interface Older { limit?: number | null; cursor?: string | null }

declare const react: ReactLike;
declare const path: string;
declare const api: {
  list: FunctionReference<"query", Older, Message[]>;
  page: FunctionReference<"query", Older, PageAnswer<Message>>;
  count: FunctionReference<"query", Record<string, never>, number>;
  untyped: FunctionReference<"query", Record<string, unknown>, unknown>;
  send: FunctionReference<"mutation", Send, Message>;
  digest: FunctionReference<"action", Older, string>;
  tell: FunctionReference<"stream", Older, string>;
};

const client = new LunoraClient({ url: "https://app.example.com" });
const { useQuery, useMutation } = createHooks(react, client);
const shard = "general";

export async function infersArgumentsAndResults(): Promise<void> {
  const listed: Message[] = await client.query(api.list, { limit: 50 }, { shard });
  const count: number = await client.query(api.count);
  const unknown: unknown = await client.query(api.untyped, { any: 1 });
  const digest: string = await client.action(api.digest);
  const sent: Message = await client.mutation(api.send, { text: "hello" }, {
    offline: true,
    optimistic: (cache) => {
      const shown: Message[] | undefined = cache.get(api.list, {});
      cache.update(api.list, {}, (messages) => [...messages, ...(shown ?? [])]);
      // @ts-expect-error: no such field
      cache.update(api.list, {}, (messages) => [{ _id: "a", txt: "hello" }, ...messages]);
    },
  });
  client.subscribe(api.list, {}, { shard }, { onValue: ([first]) => first?.text });
  paginate(client, api.page, {}, { shard }, { onValue: ({ items }) => items.map(({ text }) => text) });
  const state: Message[] | undefined = useQuery(api.list).value;
  const send: (args: Send) => Promise<Message> = useMutation(api.send);
  queryStore(client, api.list).subscribe(({ value }) => value?.[0]?.text);
  await client.batch([{ path: api.send, args: { text: "hello" } }]);
  void [listed, count, unknown, digest, sent, state, send];
}

export async function takesPathsAsStrings(): Promise<void> {
  const value: string = await client.query<string>("a:b", { any: 1 }, { shard });
  const unknown: unknown = await client.query(path);
  client.subscribe<string>("a:b", {}, {}, { onValue: (text) => text.length });
  paginate<Message>(client, "a:b", {}, {}, { onValue: ({ items }) => items[0]?.text });
  useQuery<string>("a:b").value?.length;
  void [value, unknown];
}

export async function refusesOtherTypes(): Promise<void> {
  // @ts-expect-error: a mutation
  await client.query(api.send, { text: "hello" });
  // @ts-expect-error: no such field
  await client.mutation(api.send, { txt: "hello" });
  // @ts-expect-error: a field is missing
  await client.mutation(api.send);
  // @ts-expect-error: another type of a field
  await client.query(api.list, { limit: "50" });
  // @ts-expect-error: no arguments
  await client.query(api.count, { limit: 50 });
  // @ts-expect-error: no such field of the result
  (await client.query(api.list))[0]?.txt;
  // @ts-expect-error: no such field of the value
  client.subscribe(api.list, {}, {}, { onValue: (messages) => messages[0]?.txt });
  // @ts-expect-error: no such field of a document
  paginate(client, api.page, {}, {}, { onValue: ({ items }) => items[0]?.txt });
  // @ts-expect-error: no such field
  useMutation(api.send)({ txt: "hello" });
  // @ts-expect-error: another type of a field
  useQuery(api.list, { limit: "50" });
}

export async function infersChunks(): Promise<void> {
  const from = { url: "https://app.example.com" };
  for await (const part of stream(from, api.tell, { limit: 5 }, { shard })) part.toUpperCase();
  for await (const part of stream<{ n: number }>(from, "m:tell")) part.n.toFixed();
  // @ts-expect-error: no stream
  stream(from, api.digest);
}
