/* The log as the page keeps it: bounded for each kind, so that many source events never push the alerts out. Pure. */

export const KINDS = ["source", "process", "alert"];
export const MOST_ENTRIES = 500;
const MOST_USERS = 1000;

export class LogStore {
  constructor() {
    this.clear();
  }

  clear() {
    this.byKind = new Map(KINDS.map((kind) => [kind, []]));
    this.users = new Set();
    this.newest = -1;
  }

  /* What came before is not taken twice: after a reconnect the server begins with its history. */
  add(entries) {
    const fresh = entries.filter((entry) => entry.seq > this.newest && this.byKind.has(entry.kind));
    for (const entry of fresh) {
      this.newest = Math.max(this.newest, entry.seq);
      this.byKind.get(entry.kind).push(entry);
      if (this.users.size < MOST_USERS && entry.userId) this.users.add(entry.userId);
    }
    for (const kept of this.byKind.values()) if (kept.length > MOST_ENTRIES) kept.splice(0, kept.length - MOST_ENTRIES);
    return fresh.length;
  }

  /* Newest first. */
  view({ kinds, user }) {
    const chosen = KINDS.filter((kind) => kinds.has(kind)).flatMap((kind) => this.byKind.get(kind));
    const wanted = user === "" ? chosen : chosen.filter((entry) => entry.userId === user);
    return wanted.sort((one, other) => other.seq - one.seq).slice(0, MOST_ENTRIES);
  }

  alerts(most) {
    return this.byKind.get("alert").slice(-most).reverse();
  }
}
