// Point-in-time recovery of a Durable Object, for which the crate `worker` has no binding.

/** What `ask` answers; `undefined` where the runtime has no point-in-time recovery, as in development. */
async function recovered(ask) {
  try {
    return await ask();
  } catch (error) {
    if (/does not implement point-in-time recovery|not implemented/i.test(String(error?.message))) return undefined;
    throw error;
  }
}

/** The bookmark of a time in milliseconds, or of now. */
export const bookmark = (storage, atMs) =>
  recovered(() => (atMs === undefined ? storage.getCurrentBookmark?.() : storage.getBookmarkForTime?.(atMs)));

/** Has the next start of the object begin at a bookmark; the bookmark of before. */
export const restoreBookmark = (storage, bookmark) => recovered(() => storage.onNextSessionRestoreBookmark?.(bookmark));

/** Ends the object once its answer is out. */
export function restart(state) {
  setTimeout(() => state.abort("restored to a bookmark"), 100);
}
