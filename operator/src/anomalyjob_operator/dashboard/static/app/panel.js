/* The frame of a panel: it says as of when its content holds, and says stale when that is too long ago. */

import { ageField, secondsSince } from "./clock.js";
import { element, setAttribute, setText } from "./elements.js";
import { announce } from "./announcer.js";
import { span } from "./numbers.js";
import { staleCause, staleText } from "./staleness.js";

export class Panel {
  constructor(name) {
    this.name = name;
    this.node = document.querySelector(`[data-panel="${name}"]`);
    this.title = this.node.querySelector("h2").textContent;
    this.body = this.node.querySelector(".panel-body");
    this.age = ageField(`${name}.observedAt`, { before: "as of ", none: "waiting for data" });
    this.stale = element("span", { class: "stale-mark", hidden: "" });
    this.node.querySelector(".panel-state").append(this.age.node, this.stale);
    this.observedAt = null;
    this.flink = null;
    this.cause = null;
    this.age.update(null);
  }

  /* `flink`: what is known of Flink's answers, null when the panel does not rest on them. Nobody is asked (`answering`
     null) while the job is suspended: that makes nothing stale which the operator itself sees. */
  observed(observedAt, flink = null) {
    this.observedAt = observedAt;
    this.flink = flink;
    this.age.update(observedAt);
  }

  /* `silence`: seconds since the newest message came. */
  judge(silence) {
    const observedAge = secondsSince(this.observedAt);
    const cause = staleCause({ silence, observedAge, answering: this.flink?.answering ?? null });
    const age = cause === "flink" ? secondsSince(this.flink.observedAt) : observedAge;
    const text = cause ? staleText(cause, age === null ? null : span(age)) : "";
    setText(this.stale, text);
    this.stale.hidden = !cause;
    this.age.node.hidden = Boolean(cause);
    setAttribute(this.node, "data-stale", cause ? "true" : "false");
    setAttribute(this.node, "data-stale-cause", cause);
    this.node.classList.toggle("stale", Boolean(cause));
    this.node.classList.toggle("never-seen", Boolean(cause) && age === null);
    // The age in the mark goes on counting; a screen reader hears of the change once.
    if (Boolean(cause) !== Boolean(this.cause)) announce(`${this.title}: ${cause ? text : "up to date again"}`);
    this.cause = cause;
  }
}
