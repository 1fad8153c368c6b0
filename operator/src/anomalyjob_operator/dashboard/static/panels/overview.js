/* The overview: phase, job, TaskManagers, newest checkpoint, what was restored, the last recovery, conditions. */

import { announce } from "../app/announcer.js";
import { ageField } from "../app/clock.js";
import { element, reconcile, setAttribute, setText } from "../app/elements.js";
import { badge, field, figure, setTone } from "../app/fields.js";
import { bytes, count, counted, dateTime, milliseconds, percent, word } from "../app/numbers.js";
import { toneOf, toneOfCondition } from "../app/tones.js";
import { RecoveryLine } from "./recovery.js";

/* Each figure: what it is called, its parts in order, and whether it comes from Flink (then it fades when Flink is
   silent). */
function figures(fields) {
  const part = (name, format) => (fields[name] = field(name, format)).node;
  const age = (name, words) => (fields[name] = ageField(name, words)).node;
  return [
    figure("Job", part("job.state", word), age("job.stateSince", { before: "since ", after: "" })),
    figure(
      "Tasks running",
      [part("job.tasksRunning", count), " / ", part("job.tasksTotal", count)],
      ["job ", part("job.id", shortId)],
    ),
    figure(
      "TaskManagers",
      [part("taskManagers.ready", count), " / ", part("taskManagers.desired", count)],
      [part("taskManagers.slotsTotal", count), " slots, ", part("taskManagers.slotsFree", count), " free"],
    ),
    figure("Last checkpoint", [part("lastCheckpoint.id", checkpointText)], age("lastCheckpoint.completedAt"), [
      part("lastCheckpoint.sizeBytes", bytes),
      " in ",
      part("lastCheckpoint.durationMilliseconds", milliseconds),
    ]),
    figure("Restored from", [part("restored.checkpointId", restoredText)], age("restored.restoredAt", { none: "" })),
    figure("Recoveries", part("status.recoveries", count), [
      part("status.restarts", (value) => counted(value, "restart", "restarts")),
      ", incarnation ",
      part("status.incarnation", word),
    ]),
    figure("Volume free", part("status.volumeFreeRatio", percent), ["Flink ", part("flink.version", word)]),
  ];
}

const shortId = (id) => (id ? id.slice(0, 8) : "–");
const checkpointText = (id) => (id === null || id === undefined ? "none yet" : `#${id}`);
const restoredText = (id) => (id === null || id === undefined ? "nothing yet" : `#${id}`);
const at = (data, path) => path.split(".").reduce((value, key) => value?.[key] ?? null, data);

function conditionView() {
  const state = element("span", { class: "condition-status" });
  const type = element("strong");
  const reason = element("span", { class: "condition-reason" });
  const age = ageField("condition.lastTransitionTime", { before: "for ", after: "" });
  const message = element("p");
  const node = element(
    "li",
    {},
    element("span", { class: "dot", "aria-hidden": "true" }),
    type,
    state,
    reason,
    age.node,
    message,
  );
  return {
    node,
    update(condition) {
      setTone(node, toneOfCondition(condition));
      setAttribute(node, "data-condition", condition.type);
      setText(type, condition.type);
      setText(state, condition.status);
      setText(reason, condition.reason ?? "");
      setText(message, condition.message ?? "");
      age.update(condition.lastTransitionTime);
    },
  };
}

export class Overview {
  constructor(panel) {
    this.fields = {};
    this.phase = badge("status.phase");
    this.phaseSince = ageField("status.phaseSince", { before: "since ", after: "" });
    this.message = element("p", { class: "message", "data-field": "status.message" });
    this.recovery = new RecoveryLine();
    this.operation = element("p", { class: "operation", hidden: "" });
    this.operationAge = ageField("status.operation.startedAt", { before: "for ", after: "" });
    this.operationText = element("strong");
    this.operation.append(this.operationText, " ", this.operationAge.node);
    this.conditions = element("ul", { class: "conditions" });
    this.figures = element("dl", { class: "figures" }, ...figures(this.fields));
    for (const name of ["volumeFreeRatio", "recoveries"])
      this.fields[`status.${name}`].node.closest(".figure").dataset.source = "operator";
    document.getElementById("phase").append(this.phase.node, this.phaseSince.node);
    panel.body.replaceChildren(
      this.message,
      this.operation,
      this.recovery.node,
      this.figures,
      element(
        "details",
        { class: "condition-details" },
        (this.summary = element("summary", {}, "Conditions")),
        this.conditions,
      ),
    );
    this.panel = panel;
  }

  update(data) {
    const { status, flink } = data;
    this.panel.observed(status.observedAt, flink);
    this.showPhase(data, status.phase);
    for (const [name, view] of Object.entries(this.fields)) view.update(at(data, name));
    setTone(this.fields["job.state"].node, toneOf(data.job?.state));
    setAttribute(
      this.fields["restored.checkpointId"].node,
      "title",
      data.restored ? `${dateTime(data.restored.restoredAt)} ${data.restored.path ?? ""}` : null,
    );
    setText(this.message, status.message ?? "");
    setAttribute(this.message, "data-value", status.message ?? "");
    this.message.hidden = !status.message;
    this.showOperation(status.operation);
    this.recovery.update(status.recovery, status.phase);
    reconcile(this.conditions, status.conditions, (condition) => condition.type, conditionView);
    setText(this.summary, conditionSummary(status.conditions));
  }

  showOperation(operation) {
    this.operation.hidden = !operation;
    setText(this.operationText, operation ? [operation.kind, operation.step].filter(Boolean).join(": ") : "");
    this.operationAge.update(operation?.startedAt ?? null);
  }

  showPhase(data, phase) {
    if (this.shownPhase && this.shownPhase !== phase) announce(`${data.name} is ${phase}`);
    this.shownPhase = phase;
    this.phase.update(phase);
    setAttribute(this.phase.node, "data-phase", phase ?? "");
    this.phaseSince.update(data.status.phaseSince);
    setText(document.querySelector("title"), `${phase ?? "?"} · ${data.name} · AnomalyJob`);
  }
}

function conditionSummary(conditions) {
  const told = conditions.filter((condition) => ["bad", "warn"].includes(toneOfCondition(condition)));
  return told.length
    ? `Conditions: ${told.map(({ type, status }) => `${type} is ${status}`).join(", ")}`
    : `Conditions: all ${conditions.length} as they should be`;
}
