// src/pages.ts
var PAGE = 50;
function paginate(client, path, args, { numItems = PAGE, toArgs = (request) => ({ ...args, ...request }), ...shard }, { onValue, onError }) {
  let ranges = [];
  let value = { items: [], isDone: false, isLoading: true };
  const show = () => {
    const answers = ranges.map(({ answer }) => answer);
    const missing = answers.indexOf(void 0);
    const loaded = missing < 0 ? answers : answers.slice(0, missing);
    const last = ranges.at(-1);
    value = { items: loaded.flatMap(({ page }) => page), isDone: missing < 0 && last?.end === void 0 && last?.answer?.isDone === true, isLoading: missing >= 0 };
    onValue(value);
  };
  const open = (cursor, end, whole) => {
    const range = { end, answer: void 0, parts: [], close: () => {
    } };
    const request = { cursor, numItems, ...end !== void 0 && { endCursor: end } };
    let isStopped = false;
    const { close } = client.subscribe(path, toArgs(request), shard, {
      onValue: (answer) => {
        if (isStopped) return;
        range.answer = answer;
        if (whole) {
          if (!whole.parts.every((part) => part.answer)) return;
          ranges = ranges.flatMap((it) => it === whole ? whole.parts : it);
          whole.parts = [];
          whole.close();
          whole = void 0;
        }
        divide(range, cursor, answer);
        show();
      },
      onError: (error) => {
        if (!isStopped) onError?.(error);
      }
    });
    range.close = () => {
      isStopped = true;
      close();
      for (const part of range.parts) part.close();
    };
    return range;
  };
  const divide = (range, cursor, { page, isDone, continueCursor, splitCursor }) => {
    const { end, parts } = range;
    if (parts.length > 0) return;
    if (end === void 0 && !isDone) parts.push(open(cursor, continueCursor, range));
    else if (end !== void 0 && splitCursor && (!isDone || page.length > 2 * numItems)) {
      parts.push(open(cursor, splitCursor, range), open(splitCursor, end, range));
    }
  };
  ranges = [open(null)];
  return {
    get value() {
      return value;
    },
    loadMore: () => {
      const last = ranges.at(-1);
      const end = last?.end ?? last?.parts[0]?.end;
      if (value.isLoading || end === void 0) return;
      ranges.push(open(end));
      show();
    },
    close: () => {
      for (const { close } of ranges) close();
    }
  };
}
export {
  paginate
};
