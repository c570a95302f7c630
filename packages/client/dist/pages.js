// src/pages.ts
var PAGE = 50;
function paginate(client, path, args, { numItems = PAGE, toArgs = (request) => ({ ...args, ...request }), ...shard }, { onValue, onError }) {
  let ranges = [];
  let value = { items: [], isDone: false, isLoading: true };
  let isClosed = false;
  const show = () => {
    const answers = ranges.map(({ answer }) => answer);
    const missing = answers.indexOf(void 0);
    const loaded = missing < 0 ? answers : answers.slice(0, missing);
    const last = ranges.at(-1);
    value = { items: loaded.flatMap(({ page }) => page), isDone: missing < 0 && last?.end === void 0 && last?.answer?.isDone === true, isLoading: missing >= 0 };
    onValue(value);
  };
  const open = (cursor, end, before) => {
    const range = { cursor, end, answer: before, close: () => {
    } };
    const request = { cursor, numItems, ...end !== void 0 && { endCursor: end } };
    let stop;
    let isStopped = false;
    range.close = () => {
      isStopped = true;
      stop?.();
    };
    const { close } = client.subscribe(path, toArgs(request), shard, {
      onValue: (answer) => !isStopped && !isClosed && received(range, answer),
      onError: (error) => !isStopped && !isClosed && onError?.(error)
    });
    stop = close;
    return range;
  };
  const replace = (range, ...others) => {
    ranges = ranges.flatMap((it) => it === range ? others : it);
    range.close();
  };
  const received = (range, answer) => {
    range.answer = answer;
    const { cursor, end } = range;
    const isCut = end !== void 0 && !answer.isDone;
    if (end === void 0 && !answer.isDone) replace(range, open(cursor, answer.continueCursor, answer));
    else if (end !== void 0 && answer.splitCursor && (isCut || answer.page.length > 2 * numItems)) {
      replace(range, open(cursor, answer.splitCursor), open(answer.splitCursor, end));
    }
    show();
  };
  ranges = [open(null)];
  return {
    get value() {
      return value;
    },
    loadMore: () => {
      const end = ranges.at(-1)?.end;
      if (value.isLoading || end === void 0) return;
      ranges.push(open(end));
      show();
    },
    close: () => {
      isClosed = true;
      for (const { close } of ranges) close();
    }
  };
}
export {
  paginate
};
