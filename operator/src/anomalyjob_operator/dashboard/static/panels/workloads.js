/* The slot map: each process of the cluster with its state, its memory and CPU, and what runs in each of its slots. */

import { ageField } from "../app/clock.js";
import { element, reconcile, setAttribute, setText } from "../app/elements.js";
import { badge, field, meter, setTone } from "../app/fields.js";
import { bytes, counted, percent } from "../app/numbers.js";
import { toneOf } from "../app/tones.js";

const MOST_USERS = 4;
const GONE = new Set(["down", "restarting", "stopped"]);

export const usersText = (users) =>
  users.length > MOST_USERS
    ? `${users.slice(0, MOST_USERS).join(", ")} +${users.length - MOST_USERS}`
    : users.join(", ");

function taskView() {
  const name = element("span", { class: "task-name" });
  const state = element("span", { class: "task-state" });
  const node = element("li", { class: "task" }, element("span", { class: "dot", "aria-hidden": "true" }), name, state);
  return {
    node,
    update(task) {
      setTone(node, toneOf(task.state));
      setText(name, `${task.vertex} ${task.subtask}`);
      setText(state, task.state ?? "");
      setAttribute(node, "title", `${task.vertex}, subtask ${task.subtask}: ${task.state ?? "unknown"}`);
    },
  };
}

function slotView() {
  const group = element("span", { class: "slot-group" });
  const tasks = element("ul", { class: "tasks" });
  const users = element("span", { class: "slot-users" });
  const node = element("li", { class: "slot" }, group, tasks, users);
  return {
    node,
    update({ slot, index, gone }) {
      setAttribute(node, "data-slot", slot ? "used" : "free");
      setText(group, slot ? (slot.group ?? "slot") : `slot ${index}`);
      reconcile(tasks, slot?.tasks ?? [], (task) => `${task.vertexId}/${task.subtask}`, taskView);
      setText(users, slot ? usersText(slot.users ?? []) : gone ? "gone" : "free");
      setAttribute(users, "title", slot?.users?.length ? slot.users.slice(0, 50).join(", ") : null);
    },
  };
}

/* Slots in use, then the others: free, or gone with their process. */
function slotItems(workload) {
  const used = (workload.slots ?? []).map((slot, index) => ({ slot, index }));
  const free = Math.max(0, Math.min(64, (workload.slotsTotal ?? 0) - used.length));
  const gone = GONE.has(workload.state);
  return [...used, ...Array.from({ length: free }, (_, index) => ({ slot: null, index: used.length + index, gone }))];
}

function meters() {
  return {
    cpuLoad: meter("CPU", "cpuLoad", percent),
    heapUsedBytes: meter("Heap", "heapUsedBytes", bytes, "heapMaxBytes"),
    nonHeapUsedBytes: meter("Non-heap", "nonHeapUsedBytes", bytes),
    managedUsedBytes: meter("Managed", "managedUsedBytes", bytes, "managedTotalBytes"),
  };
}

function workloadView() {
  const name = element("h3");
  const state = badge();
  const since = ageField("since", { before: "for ", after: "" });
  const restarts = field("restarts", (value) => counted(value, "restart", "restarts"));
  const memory = field("memoryTotalBytes", (value) =>
    value === null || value === undefined ? "" : ` · ${bytes(value)} in all`,
  );
  const reason = element("p", { class: "reason", "data-field": "reason" });
  const bars = meters();
  const metricsAge = ageField("metricsAt", { before: "measured " });
  const measured = element(
    "div",
    {},
    element("div", { class: "meters" }, ...Object.values(bars).map((bar) => bar.node)),
    metricsAge.node,
  );
  const duty = element(
    "p",
    { class: "duty" },
    "Schedules the tasks, coordinates checkpoints, restores after failures.",
  );
  const slots = element("ul", { class: "slots", "aria-label": "Slots" });
  const node = element(
    "li",
    { class: "workload" },
    element("div", { class: "workload-head" }, name, state.node),
    element("p", { class: "workload-note" }, since.node, " · ", restarts.node, memory.node),
    reason,
    measured,
    duty,
    slots,
  );
  return { node, update: (workload) => show(workload) };

  function show(workload) {
    setAttribute(node, "data-workload", workload.shortName);
    setAttribute(node, "data-role", workload.role);
    setAttribute(node, "data-state", workload.state);
    setText(name, workload.shortName);
    state.update(workload.state);
    since.update(workload.since);
    restarts.update(workload.restarts);
    memory.update(workload.memoryTotalBytes);
    setText(reason, workload.reason ?? "");
    reason.hidden = !workload.reason;
    bars.cpuLoad.update(workload.cpuLoad, 1);
    bars.heapUsedBytes.update(workload.heapUsedBytes, workload.heapMaxBytes);
    bars.nonHeapUsedBytes.update(workload.nonHeapUsedBytes, null);
    bars.managedUsedBytes.update(workload.managedUsedBytes, workload.managedTotalBytes);
    bars.managedUsedBytes.node.hidden = !workload.managedTotalBytes;
    metricsAge.update(workload.metricsAt);
    measured.hidden = !workload.metricsAt;
    duty.hidden = workload.role !== "jobmanager";
    slots.hidden = workload.role !== "taskmanager";
    reconcile(slots, slotItems(workload), (item) => item.index, slotView);
  }
}

export class Workloads {
  constructor(panel) {
    this.panel = panel;
    this.list = element("ul", { class: "workloads" });
    panel.body.replaceChildren(this.list);
  }

  update(data) {
    this.panel.observed(data.status.observedAt, data.flink);
    reconcile(this.list, data.workloads, (workload) => workload.name, workloadView);
  }
}
