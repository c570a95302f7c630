// Written by `lunora codegen client`. Do not edit.
export const api = {
  channels: {
    list: "channels:list",
  },
  messages: {
    list: "messages:list",
    page: "messages:page",
    send: "messages:send",
  },
};
