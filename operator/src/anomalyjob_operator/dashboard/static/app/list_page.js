/* The page of all jobs: one row each, with a link to its own page. */

import { announce } from "./announcer.js";
import { ageField, startTicking } from "./clock.js";
import { Connection } from "./connection.js";
import { element, reconcile, setAttribute, setText } from "./elements.js";
import { badge, field, setTone } from "./fields.js";
import { count, word } from "./numbers.js";
import { Panel } from "./panel.js";
import { cell, table } from "./table.js";
import { startTheme } from "./theme.js";
import { toneOf } from "./tones.js";

const COLUMNS = ["Name", "Phase", "Job", "Tasks", "TaskManagers", "Last checkpoint", "Recoveries", "Seen"].map(
  (heading) => ({ heading }),
);

function rowView() {
  const link = element("a");
  const namespace = element("span", { class: "namespace" });
  const phase = badge("phase");
  const message = element("p", { class: "row-message" });
  const numbers = {
    jobState: field("jobState", word),
    tasksRunning: field("tasksRunning", count),
    tasksTotal: field("tasksTotal", count),
    taskManagersReady: field("taskManagersReady", count),
    taskManagersDesired: field("taskManagersDesired", count),
    recoveries: field("recoveries", count),
    phaseSince: ageField("phaseSince", { before: "since ", after: "" }),
    lastCheckpointAt: ageField("lastCheckpointAt"),
    observedAt: ageField("observedAt"),
  };
  const node = element(
    "tr",
    { role: "row" },
    element("th", { scope: "row", role: "rowheader" }, link, namespace),
    cell("Phase", phase.node, " ", numbers.phaseSince.node, message),
    cell("Job", numbers.jobState.node),
    cell("Tasks", numbers.tasksRunning.node, " / ", numbers.tasksTotal.node),
    cell("TaskManagers", numbers.taskManagersReady.node, " / ", numbers.taskManagersDesired.node),
    cell("Last checkpoint", numbers.lastCheckpointAt.node),
    cell("Recoveries", numbers.recoveries.node),
    cell("Seen", numbers.observedAt.node),
  );
  return { node, update: show };

  function show(job) {
    setAttribute(node, "data-job", `${job.namespace}/${job.name}`);
    setAttribute(link, "href", `/jobs/${encodeURIComponent(job.namespace)}/${encodeURIComponent(job.name)}`);
    setText(link, job.name);
    setText(namespace, job.namespace);
    phase.update(job.phase);
    setAttribute(phase.node, "data-phase", job.phase ?? "");
    setTone(numbers.jobState.node, toneOf(job.jobState));
    setText(message, job.message ?? "");
    message.hidden = !job.message || job.ready;
    for (const [name, view] of Object.entries(numbers)) view.update(job[name]);
  }
}

class Jobs {
  constructor(panel) {
    this.panel = panel;
    this.rows = element("tbody", { role: "rowgroup" });
    this.phases = new Map();
    this.empty = document.getElementById("empty");
    panel.body.prepend(table({ caption: "AnomalyJobs", columns: COLUMNS, bodies: [this.rows] }));
  }

  update({ jobs, serverTime }) {
    this.panel.observed(serverTime);
    reconcile(this.rows, jobs, (job) => `${job.namespace}/${job.name}`, rowView);
    this.rows.parentNode.hidden = jobs.length === 0;
    this.empty.hidden = jobs.length > 0;
    for (const job of jobs) this.tell(job);
  }

  tell(job) {
    const key = `${job.namespace}/${job.name}`;
    if (this.phases.has(key) && this.phases.get(key) !== job.phase) announce(`${job.name} is ${job.phase}`);
    this.phases.set(key, job.phase);
  }
}

startTheme(document.getElementById("theme"));
startTicking();
const panel = new Panel("jobs");
const jobs = new Jobs(panel);
new Connection({
  address: "/api/stream/jobs",
  plainAddress: "/api/jobs",
  panels: [panel],
  handlers: { jobs: (data) => jobs.update(data), alive: ({ serverTime }) => panel.observed(serverTime) },
}).start();
