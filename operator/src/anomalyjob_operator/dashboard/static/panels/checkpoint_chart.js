/* Duration and size of the checkpoints over time: two plots with one time axis, with marks where a checkpoint failed
   and where one was restored. What the chart shows stands in the table beside it too, so for screen readers it is one
   picture with a summary. */

import { element, reconcile, setAttribute, setText } from "../app/elements.js";
import { bytes, clockTime, milliseconds } from "../app/numbers.js";
import { onThemeChange } from "../app/theme.js";

const HEIGHT = 132;
const SYNC_KEY = "checkpoints";
const PLOTS = [
  { name: "durationMilliseconds", title: "End to End Duration", format: milliseconds, color: "--series-duration" },
  { name: "sizeBytes", title: "Checkpointed Data Size", format: bytes, color: "--series-size" },
];

const seconds = (instant) => Date.parse(instant) / 1000;
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/* Oldest first, as the plot wants it: only what has a time, and values only of what completed. */
export function chartData(entries) {
  const checkpoints = entries
    .filter((entry) => entry.entry !== "restore" && entry.triggeredAt && entry.status === "COMPLETED")
    .reverse();
  const marks = entries.filter(
    (entry) => entry.triggeredAt && (entry.entry === "restore" || entry.status === "FAILED"),
  );
  return { checkpoints, marks };
}

function axis(values) {
  return {
    stroke: () => color("--text-quiet"),
    font: "11px system-ui",
    grid: { stroke: () => color("--grid"), width: 1 },
    ticks: { show: false },
    ...values,
  };
}

/* From the oldest to the newest of all that is shown, marks too, with a little air. */
export function timeRange({ checkpoints, marks }) {
  const times = [...checkpoints, ...marks].map((entry) => seconds(entry.triggeredAt));
  if (times.length === 0) return [null, null];
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const air = Math.max(5, (last - first) * 0.015);
  return [first - air, last + air];
}

function options({ width, plot, range, drawn, moved }) {
  const last = plot === PLOTS.at(-1);
  return {
    width,
    height: HEIGHT + (last ? 22 : 0),
    legend: { show: false },
    padding: [8, 22, last ? 0 : 4, 0],
    cursor: { sync: { key: SYNC_KEY }, drag: { setScale: false, x: false, y: false }, points: { size: 7 } },
    scales: { x: { time: true, range }, y: { range: (_, __, maximum) => [0, (maximum || 1) * 1.15] } },
    axes: [
      axis({
        size: last ? 26 : 0,
        show: last,
        values: (_, instants) => instants.map((instant) => clockTime(instant * 1000)),
        space: 76,
      }),
      axis({ size: 62, space: 34, values: (_, values) => values.map((value) => plot.format(value)) }),
    ],
    series: [
      {},
      {
        stroke: () => color(plot.color),
        width: 1.75,
        fill: () => `${color(plot.color)}1f`,
        points: { show: true, size: 4, fill: () => color(plot.color) },
      },
    ],
    hooks: { draw: [drawn], setCursor: [moved] },
  };
}

function markView(item) {
  const node = element("span", {
    class: "chart-mark",
    "data-mark": item.entry.entry === "restore" ? "restore" : "failed",
  });
  return {
    node,
    update({ entry, left }) {
      node.style.left = `${left}px`;
      setAttribute(
        node,
        "title",
        entry.entry === "restore"
          ? `Restored from #${entry.id} at ${clockTime(entry.triggeredAt)}`
          : `#${entry.id} failed at ${clockTime(entry.triggeredAt)}: ${entry.failure ?? "no reason told"}`,
      );
    },
  };
}

export class CheckpointChart {
  constructor() {
    this.readout = element("p", { class: "chart-readout", "aria-hidden": "true" });
    this.holders = PLOTS.map((plot) =>
      element("div", { class: "chart-plot" }, element("p", { class: "chart-title" }, plot.title)),
    );
    this.picture = element("div", { role: "img", "aria-label": "No checkpoint yet" }, ...this.holders);
    this.empty = element("p", { class: "message" }, "No checkpoint has completed yet.");
    this.node = element("div", { class: "chart" }, this.empty, this.picture, this.legend(), this.readout);
    this.plots = null;
    this.entries = [];
    new ResizeObserver(() => this.resize()).observe(this.node);
    onThemeChange(() => this.plots?.forEach((plot) => plot.redraw(false)));
  }

  legend() {
    const key = (mark, text) =>
      element("li", {}, element("span", { class: "key", "data-mark": mark, "aria-hidden": "true" }), text);
    return element(
      "ul",
      { class: "chart-legend", "aria-label": "Marks" },
      key("failed", "failed"),
      key("restore", "restored"),
    );
  }

  update(entries) {
    this.entries = entries;
    this.data = chartData(entries);
    setAttribute(this.picture, "aria-label", this.summary());
    this.empty.hidden = this.data.checkpoints.length > 0;
    setAttribute(this.node, "data-empty", String(this.data.checkpoints.length === 0));
    if (this.plots) this.plots.forEach((plot, index) => plot.setData(this.series(index)));
    else if (this.node.clientWidth > 0) this.build();
    this.show(this.data.checkpoints.length - 1);
  }

  series(index) {
    const { checkpoints } = this.data;
    return [
      checkpoints.map((entry) => seconds(entry.triggeredAt)),
      checkpoints.map((entry) => entry[PLOTS[index].name]),
    ];
  }

  build() {
    this.plots = PLOTS.map(
      (plot, index) =>
        new window.uPlot(
          options({
            width: this.node.clientWidth,
            plot,
            range: () => timeRange(this.data),
            drawn: (drawn) => this.drawMarks(drawn),
            moved: (moved) => this.show(moved.cursor.idx),
          }),
          this.series(index),
          this.holders[index],
        ),
    );
  }

  resize() {
    const width = this.node.clientWidth;
    if (!this.plots) return this.data && width > 0 ? this.build() : undefined;
    return this.plots.forEach((plot) => plot.width !== width && plot.setSize({ width, height: plot.height }));
  }

  drawMarks(plot) {
    const { min, max } = plot.scales.x;
    plot.marks ??= plot.over.appendChild(element("div", { class: "chart-marks" }));
    const items = this.data.marks
      .map((entry) => ({ entry, at: seconds(entry.triggeredAt) }))
      .filter(({ at }) => at >= min && at <= max)
      .map(({ entry, at }) => ({ entry, left: Math.round(plot.valToPos(at, "x")) }));
    reconcile(plot.marks, items, ({ entry }) => `${entry.entry}/${entry.id}/${entry.triggeredAt}`, markView);
  }

  show(index) {
    const entry = this.data?.checkpoints[index ?? this.data.checkpoints.length - 1];
    setText(this.readout, entry ? entryText(entry) : "");
  }

  summary() {
    const { checkpoints, marks } = this.data;
    const restores = marks.filter((entry) => entry.entry === "restore").length;
    const told = `with ${restores} restores and ${marks.length - restores} failures`;
    return `Duration and size of the last ${checkpoints.length} checkpoints, ${told}; the table has every number`;
  }
}

function entryText({ id, triggeredAt, durationMilliseconds, sizeBytes }) {
  return [`#${id}`, clockTime(triggeredAt), milliseconds(durationMilliseconds), bytes(sizeBytes)].join(" · ");
}
