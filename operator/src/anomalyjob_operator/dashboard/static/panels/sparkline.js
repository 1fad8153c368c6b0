/* A small curve of one value's last two minutes, as far as this page has seen them. A drawing only: the newest value
   stands beside it. */

import { graphic, setAttribute } from "../app/elements.js";

const MOST_SAMPLES = 120;
const SECONDS = 120;
const SHORTEST_SECONDS = 10;

export class History {
  constructor() {
    this.samples = [];
  }

  /* `at` in seconds; a moment that was seen already, or an unknown value, adds nothing. */
  add(at, value) {
    if (value === null || !(at > (this.samples.at(-1)?.at ?? -Infinity))) return;
    this.samples.push({ at, value });
    while (this.samples.length > MOST_SAMPLES || this.samples[0].at < at - SECONDS) this.samples.shift();
  }

  /* As a path within `width` and `height`, the newest at the right. */
  path(width, height) {
    const last = this.samples.at(-1)?.at;
    // A shorter one would be a speck.
    if (this.samples.length < 2 || last - this.samples[0].at < SHORTEST_SECONDS) return "";
    const most = Math.max(...this.samples.map((sample) => sample.value)) || 1;
    const point = ({ at, value }) =>
      `${(width * (1 - (last - at) / SECONDS)).toFixed(1)} ${(height * (1 - value / most)).toFixed(1)}`;
    return `M${this.samples.map(point).join("L")}`;
  }
}

export function sparkline() {
  const line = graphic("path", { class: "sparkline" });
  return {
    node: line,
    update(history, { x, y, width, height }) {
      setAttribute(line, "transform", `translate(${x} ${y})`);
      setAttribute(line, "d", width > 0 ? history.path(width, height) : "");
    },
  };
}
