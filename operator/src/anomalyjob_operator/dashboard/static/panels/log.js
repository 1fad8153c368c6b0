/* The live log: filters, pause, the newest alerts pinned on top. Every text is data from a stream that anybody may
   have written. */

import { ageField } from "../app/clock.js";
import { element, reconcile, setAttribute, setText } from "../app/elements.js";
import { clockTime } from "../app/numbers.js";
import { KINDS, LogStore } from "../app/log_store.js";
import { LogControls } from "./log_controls.js";

const MOST_PINNED = 5;

function entryText(entry) {
  const abnormal = entry.abnormal ? "abnormal" : "normal";
  if (entry.kind === "source") return `event ${entry.index} · ${abnormal}`;
  if (entry.kind === "process") return `event ${entry.index} · ${abnormal} · count ${entry.count ?? "–"}`;
  return entry.text ?? `alert · event ${entry.index} · count ${entry.count ?? "–"}`;
}

function whereText(entry) {
  const subtask = entry.subtask === null || entry.subtask === undefined ? null : `subtask ${entry.subtask}`;
  return [subtask, entry.workload].filter(Boolean).join(", ");
}

/* The text of an alert names its user. */
const userParts = (entry) =>
  entry.kind === "alert" ? [] : [element("span", { class: "log-user" }, entry.userId ?? "–"), " "];

function rowView(entry) {
  const node = element(
    "li",
    {
      class: "log-row",
      "data-log-kind": entry.kind,
      "data-user": entry.userId,
      "data-seq": entry.seq,
      "data-abnormal": String(Boolean(entry.abnormal)),
    },
    element("time", { datetime: entry.at, class: "log-time" }, clockTime(entry.at)),
    element("span", { class: "log-kind" }, entry.kind),
    element(
      "p",
      {},
      ...userParts(entry),
      element("span", { class: "log-text" }, entryText(entry)),
      " ",
      element("span", { class: "log-where" }, whereText(entry)),
    ),
  );
  return { node, update() {} };
}

function pinnedView(entry) {
  const age = ageField("alert.at", { after: "" });
  age.update(entry.at);
  const node = element(
    "li",
    { "data-pinned-alert": "", "data-user": entry.userId },
    element("span", { class: "log-text" }, entryText(entry)),
    age.node,
  );
  return { node, update() {} };
}

export class Log {
  constructor(panel) {
    this.panel = panel;
    this.store = new LogStore();
    this.paused = false;
    this.waiting = [];
    this.dropped = 0;
    this.scrolled = false;
    this.controls = new LogControls({
      kinds: KINDS,
      changed: () => this.render(),
      paused: (paused) => this.pause(paused),
    });
    this.pinned = element("ol", { class: "pinned", "aria-label": "Newest alerts" });
    this.empty = element("p", { class: "message" }, "Nothing yet.");
    this.rows = element("ol", { class: "log-rows", "aria-label": "Log, newest first", tabindex: "0" });
    // Told, not asked for at every row: the answer makes the browser lay out the page.
    this.rows.addEventListener("scroll", () => (this.scrolled = this.rows.scrollTop > 0), { passive: true });
    panel.body.replaceChildren(this.controls.node, this.pinned, this.empty, this.rows);
  }

  /* The server's next log document begins with its history again, and its numbers may have begun anew. */
  reopened() {
    this.begins = true;
  }

  update(data) {
    this.dropped += data.dropped ?? 0;
    this.panel.observed(data.serverTime);
    const anew = this.begins;
    this.begins = false;
    if (this.paused) return this.keepForLater(data.entries, anew);
    if (anew) this.store.clear();
    this.store.add(data.entries);
    return this.render();
  }

  /* A silent log is not a stale one: that the server is there, its other messages say. */
  updateAlive({ serverTime }) {
    this.panel.observed(serverTime);
  }

  keepForLater(entries, anew) {
    this.waiting = anew ? [...entries] : [...this.waiting, ...entries].slice(-1000);
    this.beginsAnew ||= anew;
    this.controls.showWaiting(this.waiting.length);
  }

  pause(paused) {
    this.paused = paused;
    if (paused) return;
    if (this.beginsAnew) this.store.clear();
    this.store.add(this.waiting);
    this.waiting = [];
    this.beginsAnew = false;
    this.render();
  }

  /* New rows come on top: who reads further down keeps the line before the eyes. */
  keepingTheLine(change) {
    if (!this.scrolled) return change();
    const { scrollTop, scrollHeight } = this.rows;
    // Back at the top, and not told of it yet.
    if (scrollTop === 0) return change();
    change();
    this.rows.scrollTop = scrollTop + this.rows.scrollHeight - scrollHeight;
  }

  render() {
    const entries = this.store.view(this.controls.choice());
    this.controls.showUsers(this.store.users);
    this.controls.showCount(entries.length, this.dropped);
    this.keepingTheLine(() => reconcile(this.rows, entries, (entry) => entry.seq, rowView));
    const alerts = this.store.alerts(MOST_PINNED);
    reconcile(this.pinned, alerts, (entry) => entry.seq, pinnedView);
    this.pinned.hidden = alerts.length === 0;
    this.empty.hidden = entries.length > 0;
    setText(this.empty, this.store.newest < 0 ? "Nothing yet." : "Nothing matches the filter.");
    setAttribute(this.rows, "data-count", entries.length);
  }
}
