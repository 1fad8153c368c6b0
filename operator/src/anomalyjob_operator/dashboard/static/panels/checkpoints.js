/* The checkpoint history: totals in the words of Flink's own UI, the chart, and the same as a table. */

import { element, reconcile, setAttribute, setText } from "../app/elements.js";
import { badge, field, figure } from "../app/fields.js";
import { bytes, clockTime, count, dateTime, milliseconds, span, UNKNOWN, word } from "../app/numbers.js";
import { cell, scrolling, table } from "../app/table.js";
import { CheckpointChart } from "./checkpoint_chart.js";

const COLUMNS = [
  { heading: "ID", numeric: true },
  { heading: "Status" },
  { heading: "Trigger Time" },
  { heading: "End to End Duration", numeric: true },
  { heading: "Checkpointed Data Size", numeric: true },
  { heading: "Full Checkpoint Data Size", numeric: true },
];
const ENTRY_WORDS = { checkpoint: "", savepoint: "savepoint", restore: "restore" };

function rowView() {
  const id = element("th", { scope: "row", role: "rowheader", class: "numeric" });
  const status = badge("status");
  const kind = element("span", { class: "entry-kind" });
  const failure = element("p", { class: "failure", "data-field": "failure" });
  const time = element("time");
  const numbers = {
    durationMilliseconds: field("durationMilliseconds", milliseconds),
    sizeBytes: field("sizeBytes", bytes),
    fullSizeBytes: field("fullSizeBytes", bytes),
  };
  const numeric = (index, view) =>
    element("td", { role: "cell", class: "numeric", "data-heading": COLUMNS[index].heading }, view.node);
  const node = element(
    "tr",
    { role: "row" },
    id,
    cell("Status", status.node, kind, failure),
    cell("Trigger Time", time),
    numeric(3, numbers.durationMilliseconds),
    numeric(4, numbers.sizeBytes),
    numeric(5, numbers.fullSizeBytes),
  );
  return { node, update: show };

  function show(entry) {
    setAttribute(node, "data-entry", entry.entry);
    setAttribute(node, "data-status", entry.status);
    setAttribute(node, "data-checkpoint", entry.id);
    setText(id, `#${entry.id ?? "–"}`);
    status.update(entry.status);
    setText(kind, ENTRY_WORDS[entry.entry] ?? entry.entry);
    setText(failure, entry.failure ?? "");
    failure.hidden = !entry.failure;
    setAttribute(time, "datetime", entry.triggeredAt ?? "");
    setAttribute(time, "title", dateTime(entry.triggeredAt));
    setText(time, clockTime(entry.triggeredAt));
    for (const [name, view] of Object.entries(numbers)) view.update(entry[name]);
  }
}

const keyOf = (entry) => `${entry.jobManagerStart}/${entry.entry}/${entry.id}/${entry.triggeredAt}`;
const at = (data, path) => path.split(".").reduce((value, key) => value?.[key] ?? null, data);

function totals(fields) {
  const part = (name, format) => (fields[name] = field(name, format)).node;
  const range = (name, format) => [
    part(`summary.${name}.minimum`, format),
    " to ",
    part(`summary.${name}.maximum`, format),
  ];
  return [
    figure("Triggered", part("counts.triggered", count), [part("counts.inProgress", count), " in progress"]),
    figure("Completed", part("counts.completed", count), [part("kept.completed", count), " kept here"]),
    figure("Failed", part("counts.failed", count), [part("kept.failed", count), " kept here"]),
    figure("Restored", part("counts.restored", count), [part("kept.restored", count), " kept here"]),
    figure(
      "End to End Duration, average",
      part("summary.durationMilliseconds.average", milliseconds),
      range("durationMilliseconds", milliseconds),
    ),
    figure("Checkpointed Data Size, average", part("summary.sizeBytes.average", bytes), range("sizeBytes", bytes)),
  ];
}

const interval = (value) => (value === null || value === undefined ? UNKNOWN : span(value / 1000));
const barriers = (unaligned) =>
  unaligned === null || unaligned === undefined ? UNKNOWN : unaligned ? "unaligned" : "aligned";
const mode = (value) => word(value).toUpperCase();

function settings(fields) {
  const part = (name, format) => (fields[`settings.${name}`] = field(`settings.${name}`, format)).node;
  return element(
    "p",
    { class: "message settings" },
    ...["every ", part("intervalMilliseconds", interval), " · timeout ", part("timeoutMilliseconds", interval)],
    ...[" · ", part("mode", mode), " · ", part("unaligned", barriers), " · ", part("stateBackend", word)],
  );
}

export class Checkpoints {
  constructor(panel) {
    this.panel = panel;
    this.fields = {};
    this.chart = new CheckpointChart();
    this.rows = element("tbody", { role: "rowgroup" });
    const history = table({
      caption: "Checkpoints, savepoints and restores, newest first",
      columns: COLUMNS,
      bodies: [this.rows],
    });
    panel.body.replaceChildren(
      element("dl", { class: "figures compact" }, ...totals(this.fields)),
      settings(this.fields),
      element("div", { class: "history" }, this.chart.node, scrolling("Checkpoints, savepoints and restores", history)),
    );
  }

  update(data) {
    this.observedAt = data.observedAt;
    for (const [name, view] of Object.entries(this.fields)) view.update(at(data, name));
    reconcile(this.rows, data.entries, keyOf, rowView);
    this.chart.update(data.entries);
  }

  /* The document comes only when it changed: that Flink was asked meanwhile stands in the overview. */
  updateOverview({ flink }) {
    const newest = [flink.observedAt, this.observedAt].filter(Boolean).sort().at(-1) ?? null;
    this.panel.observed(newest, flink);
  }
}
