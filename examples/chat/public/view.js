// What a view is made of: the hash of its URL, times, and elements that keep their identity.

export const FALLBACK = "general";
/** The hash of the view across all channels. A channel of this name would be `#%2Fall`. */
const ALL = "#/all";

/** Reads a hash: `{ channel }`, which is null for all channels, and whether the hash was malformed. */
export function readHash(hash) {
  if (hash === ALL) return { channel: null };
  try {
    const channel = decodeURIComponent(hash.slice(1));
    // The longest key of a shard.
    if (new TextEncoder().encode(channel).length <= 1024) return { channel: channel || FALLBACK };
  } catch {
    // Not the encoding of a text.
  }
  return { channel: FALLBACK, malformed: true };
}

export const hashOf = (channel) => (channel === null ? ALL : `#${encodeURIComponent(channel)}`);

const format = (options) => new Intl.DateTimeFormat("en-GB", options);
const TIME = format({ hour: "2-digit", minute: "2-digit" });
const WEEKDAY = format({ weekday: "short" });
const DATE = format({ day: "numeric", month: "short" });
const DATE_AND_YEAR = format({ day: "numeric", month: "short", year: "numeric" });

/** Formats a time: "Today 14:03", "Mon 14:03" within a week, "12 Mar", "12 Mar 2025". */
export function when(ms, now = Date.now()) {
  const date = new Date(ms);
  const midnight = (time) => new Date(time).setHours(0, 0, 0, 0);
  // Rounded, since a day of a change of clocks has 23 or 25 hours.
  const days = Math.round((midnight(now) - midnight(ms)) / 86_400_000);
  if (days === 0) return `Today ${TIME.format(date)}`;
  if (days > 0 && days < 7) return `${WEEKDAY.format(date)} ${TIME.format(date)}`;
  return (date.getFullYear() === new Date(now).getFullYear() ? DATE : DATE_AND_YEAR).format(date);
}

export function element(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/**
 * Makes `wanted` the children of `parent`, and touches only those that differ: focus and selection stay, and a
 * screen reader hears what is new.
 */
export function setChildren(parent, wanted) {
  let at = parent.firstChild;
  const stays = new Set(wanted);
  for (const child of wanted) {
    while (at && !stays.has(at)) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
    if (child === at) at = at.nextSibling;
    else parent.insertBefore(child, at);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}
