/* Whether the page hears its server: the mark in the page's head, and how long it has been silent. */

import { announce } from "./announcer.js";
import { onEverySecond, serverTold } from "./clock.js";
import { setText } from "./elements.js";
import { Stream } from "./stream.js";

const WORDS = { connecting: "connecting", live: "live", disconnected: "disconnected" };

export class Connection {
  /* `handlers`: by event, what to do with its document; `panels` are told every second how long it has been silent. */
  constructor({ address, plainAddress, handlers, panels, reopened = () => {} }) {
    Object.assign(this, { handlers, panels, reopened });
    this.mark = document.getElementById("connection");
    this.notice = document.getElementById("notice");
    this.heardAt = performance.now();
    this.stream = new Stream({ address, plainAddress, events: Object.keys(handlers), listener: this });
    onEverySecond(() => this.judge());
  }

  start() {
    this.say("connecting");
    this.stream.open();
  }

  say(state) {
    document.documentElement.dataset.connection = state;
    setText(this.mark, WORDS[state]);
  }

  opened() {
    this.reopened();
    if (document.documentElement.dataset.connection === "disconnected") announce("Connected again");
    this.say("live");
    this.notice.hidden = true;
  }

  message(event, message) {
    serverTold(message.serverTime);
    this.heardAt = performance.now();
    this.handlers[event]?.(message);
    this.judge();
  }

  closed(refusal) {
    if (document.documentElement.dataset.connection === "live") announce("Disconnected from the server, trying again");
    this.say("disconnected");
    setText(
      this.notice,
      refusal
        ? `The server refuses (${refusal.status}): ${refusal.reason}`
        : "No connection to the server. Trying again.",
    );
    this.notice.hidden = false;
    this.judge();
  }

  /* Nobody looks: nothing is wrong, and nothing is said. */
  rested() {
    this.say("connecting");
  }

  judge() {
    const silence = (performance.now() - this.heardAt) / 1000;
    for (const panel of this.panels) panel.judge(silence);
  }
}
