/* The last recovery as a line of steps: what was lost, from which checkpoint, all tasks running again, safe again. */

import { ageField } from "../app/clock.js";
import { element, setAttribute, setText } from "../app/elements.js";
import { field } from "../app/fields.js";
import { seconds, word } from "../app/numbers.js";
import { recoveryState } from "../app/recovery_state.js";

const CAUSES = {
  TaskManagerLost: "TaskManager lost",
  JobManagerLost: "JobManager lost",
  JobFailed: "Job failed",
  TaskFailure: "Tasks failed",
};

const HEADINGS = {
  recovering: "Recovery going on",
  confirming: "Recovery: waiting for a newer checkpoint",
  over: "Last recovery",
  failed: "Recovery has not succeeded",
  cut: "Last recovery, cut short by a change of the job",
};

const ENDED = new Set(["over", "cut", "failed"]);

const causeText = (cause) => CAUSES[cause] ?? word(cause);

function step(label, ...parts) {
  return element(
    "li",
    {},
    element("span", { class: "step-label" }, label),
    element("span", { class: "step-value" }, ...parts),
  );
}

export class RecoveryLine {
  constructor() {
    this.fields = {
      cause: field("status.recovery.cause", causeText),
      fromCheckpoint: field("status.recovery.fromCheckpoint", (id) => (id === null ? "–" : `checkpoint ${id}`)),
      secondsToRunning: field("status.recovery.secondsToRunning", seconds),
      secondsToSafe: field("status.recovery.secondsToSafe", seconds),
    };
    this.detected = ageField("status.recovery.detectedAt");
    this.heading = element("h3", {}, "Last recovery");
    const { cause, fromCheckpoint, secondsToRunning, secondsToSafe } = this.fields;
    this.steps = [
      step("Cause", cause.node, " ", this.detected.node),
      step("Restored from", fromCheckpoint.node),
      step("All tasks running after", secondsToRunning.node),
      step("Newer checkpoint after", secondsToSafe.node),
    ];
    this.node = element("div", { class: "recovery", hidden: "" }, this.heading, element("ol", {}, ...this.steps));
  }

  update(recovery, phase) {
    this.node.hidden = !recovery;
    if (!recovery) return;
    for (const [name, view] of Object.entries(this.fields)) view.update(recovery[name]);
    this.detected.update(recovery.detectedAt);
    const done = [true, recovery.fromCheckpoint !== null, recovery.runningAt !== null, recovery.safeAt !== null];
    const state = recoveryState(recovery, phase);
    const over = ENDED.has(state);
    setText(this.heading, HEADINGS[state]);
    setAttribute(this.node, "data-over", String(over));
    const current = over ? -1 : done.indexOf(false);
    this.steps.forEach((node, index) => {
      setAttribute(node, "data-done", String(done[index]));
      setAttribute(node, "aria-current", index === current ? "step" : null);
    });
  }
}
