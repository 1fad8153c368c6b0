/* What the reader of the log chooses: kinds, one user, and to hold it still. */

import { element, reconcile, setText } from "../app/elements.js";

function userOption(user) {
  return { node: element("option", { value: user }, user === "" ? "all users" : user), update() {} };
}

export class LogControls {
  constructor({ kinds, changed, paused }) {
    this.kinds = new Set(kinds);
    this.changed = changed;
    this.buttons = kinds.map((kind) => this.kindButton(kind));
    this.user = element("select", { id: "log-user", "data-control": "user" });
    this.user.addEventListener("change", changed);
    this.pause = element("button", { type: "button", "aria-pressed": "false", "data-control": "pause" }, "Pause");
    this.pause.addEventListener("click", () => this.togglePause(paused));
    this.count = element("span", { class: "log-count" });
    this.node = element(
      "div",
      { class: "log-controls" },
      element("div", { class: "segmented", role: "group", "aria-label": "Kinds shown" }, ...this.buttons),
      element("label", { for: "log-user", class: "visually-hidden" }, "User"),
      this.user,
      this.pause,
      this.count,
    );
    this.showUsers(new Set());
  }

  kindButton(kind) {
    const button = element("button", { type: "button", "aria-pressed": "true", "data-control": `kind-${kind}` }, kind);
    button.addEventListener("click", () => {
      if (!this.kinds.delete(kind)) this.kinds.add(kind);
      button.setAttribute("aria-pressed", String(this.kinds.has(kind)));
      this.changed();
    });
    return button;
  }

  togglePause(paused) {
    const on = this.pause.getAttribute("aria-pressed") !== "true";
    this.pause.setAttribute("aria-pressed", String(on));
    setText(this.pause, on ? "Resume" : "Pause");
    paused(on);
  }

  choice() {
    return { kinds: this.kinds, user: this.user.value };
  }

  showUsers(users) {
    const chosen = this.user.value;
    const names = [...new Set([...users, ...(chosen ? [chosen] : [])])].sort((one, other) =>
      one.localeCompare(other, "en", { numeric: true }),
    );
    reconcile(this.user, ["", ...names], (user) => user, userOption);
  }

  showWaiting(waiting) {
    setText(this.pause, `Resume (${waiting} new)`);
  }

  showCount(shown, dropped) {
    setText(this.count, dropped ? `${shown} shown, ${dropped} dropped` : `${shown} shown`);
  }
}
