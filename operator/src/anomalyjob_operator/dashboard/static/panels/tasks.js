/* The tasks, live: one row for each subtask, grouped by the vertices of the job's plan. */

import { element, reconcile, setAttribute, setProperty, setText } from "../app/elements.js";
import { badge, field } from "../app/fields.js";
import { bytes, bytesPerSecond, count, milliseconds, percent, perSecond } from "../app/numbers.js";
import { cell, scrolling, table } from "../app/table.js";
import { usersText } from "./workloads.js";

const COLUMNS = [
  { heading: "Subtask" },
  { heading: "State" },
  { heading: "TaskManager" },
  { heading: "Users" },
  { heading: "Records in", numeric: true },
  { heading: "Records out", numeric: true },
  { heading: "Bytes in", numeric: true },
  { heading: "Bytes out", numeric: true },
  { heading: "Busy · backpressured · idle" },
  { heading: "Checkpoint size", numeric: true },
  { heading: "Checkpoint duration", numeric: true },
];

const NUMBERS = {
  recordsInPerSecond: perSecond,
  recordsOutPerSecond: perSecond,
  bytesInPerSecond: bytesPerSecond,
  bytesOutPerSecond: bytesPerSecond,
  busyRatio: percent,
  backpressuredRatio: percent,
  idleRatio: percent,
  checkpointSizeBytes: bytes,
  checkpointDurationMilliseconds: milliseconds,
};
const TOTALS = { recordsIn: count, recordsOut: count, bytesIn: bytes, bytesOut: bytes };

function loadView(numbers) {
  const bar = element(
    "span",
    { class: "load-bar", "aria-hidden": "true" },
    element("i", { class: "busy" }),
    element("i", { class: "backpressured" }),
  );
  const separator = () => element("span", { class: "separator", "aria-hidden": "true" }, "·");
  const node = element(
    "span",
    { class: "load" },
    bar,
    numbers.busyRatio.node,
    separator(),
    numbers.backpressuredRatio.node,
    separator(),
    numbers.idleRatio.node,
  );
  return {
    node,
    update(subtask) {
      setProperty(bar, "--busy", String(subtask.busyRatio ?? 0));
      setProperty(bar, "--backpressured", String(subtask.backpressuredRatio ?? 0));
    },
  };
}

function rowView() {
  const numbers = Object.fromEntries(
    Object.entries({ ...NUMBERS, ...TOTALS }).map(([name, format]) => [name, field(name, format)]),
  );
  const load = loadView(numbers);
  const state = badge("state");
  const name = element("th", { scope: "row", role: "rowheader" });
  const taskManager = element("span", { "data-field": "taskManager" });
  const users = element("span", { "data-field": "users" });
  const numeric = (index, ...fields) =>
    element(
      "td",
      { role: "cell", class: "numeric", "data-heading": COLUMNS[index].heading },
      ...fields.map((shown) => shown.node),
    );
  for (const total of Object.keys(TOTALS)) {
    numbers[total].node.classList.add("total");
    numbers[total].node.title = "in all, since the task started";
  }
  const node = element(
    "tr",
    { role: "row" },
    name,
    cell("State", state.node),
    cell("TaskManager", taskManager),
    cell("Users", users),
    numeric(4, numbers.recordsInPerSecond, numbers.recordsIn),
    numeric(5, numbers.recordsOutPerSecond, numbers.recordsOut),
    numeric(6, numbers.bytesInPerSecond, numbers.bytesIn),
    numeric(7, numbers.bytesOutPerSecond, numbers.bytesOut),
    cell(COLUMNS[8].heading, load.node),
    numeric(9, numbers.checkpointSizeBytes),
    numeric(10, numbers.checkpointDurationMilliseconds),
  );
  return { node, update: show };

  function show({ vertex, subtask }) {
    setAttribute(node, "data-vertex", vertex.name);
    setAttribute(node, "data-subtask", subtask.index);
    setText(name, `${vertex.name} ${subtask.index}`);
    state.update(subtask.state);
    for (const [key, view] of Object.entries(numbers)) view.update(subtask[key]);
    setText(taskManager, shortName(subtask.taskManager));
    setText(users, usersText(subtask.users ?? []));
    load.update(subtask);
  }
}

const shortName = (name) => (name ? name.replace(/^.*-(?=taskmanager-)/, "") : "–");

function groupView() {
  const body = element("tbody", { role: "rowgroup" });
  return {
    node: body,
    update: (vertex) =>
      reconcile(
        body,
        vertex.subtasks.map((subtask) => ({ vertex, subtask })),
        (item) => item.subtask.index,
        rowView,
      ),
  };
}

export class Tasks {
  constructor(panel) {
    this.panel = panel;
    this.table = table({ caption: "Subtasks of the job, with rates and load", columns: COLUMNS, bodies: [] });
    panel.body.replaceChildren(scrolling("Subtasks", this.table));
  }

  update(data) {
    const { pipeline, flink } = data;
    this.panel.observed(pipeline?.observedAt ?? null, flink);
    const [caption, head] = this.table.children;
    reconcile(
      this.table,
      [caption, head, ...(pipeline?.vertices ?? [])],
      (item) => item.id || item.tagName,
      (item) => (item instanceof Element ? { node: item, update() {} } : groupView()),
    );
  }
}
