/* The pipeline as the job's plan has it: vertices with their subtasks, and the edges with their strategy; alive by
   state and rates. */

import { element, graphic, reconcile, setAttribute } from "../app/elements.js";
import { perSecond } from "../app/numbers.js";
import { rankOf, toneOf } from "../app/tones.js";
import { fit, place, Room, textLine, widthOf, wireView } from "./diagram.js";
import { layout } from "./pipeline_layout.js";
import { History, sparkline } from "./sparkline.js";

const MOST_ROWS = 8;
const PADDING = 10;
const NARROW = 160;

/* The worst first, so that what needs a look is among those shown; in their order otherwise. */
function shownSubtasks({ subtasks }) {
  if (subtasks.length <= MOST_ROWS) return subtasks;
  return [...subtasks]
    .sort((one, other) => rankOf(one.state) - rankOf(other.state) || one.index - other.index)
    .slice(0, MOST_ROWS - 1);
}

const rowsOf = (vertex) => Math.min(MOST_ROWS, vertex.subtasks.length);
const sum = (vertex, name) => {
  const values = vertex.subtasks
    .map((subtask) => subtask[name])
    .filter((value) => value !== null && value !== undefined);
  return values.length ? values.reduce((total, value) => total + value, 0) : null;
};
/* What a vertex makes; the last one hands on to nothing that Flink counts. The source makes many events of few inputs. */
const rateName = (vertex) => (vertex.last && vertex.inputs.length ? "recordsInPerSecond" : "recordsOutPerSecond");

function withLast(vertices) {
  const read = new Set(vertices.flatMap(({ inputs }) => inputs.map(({ id }) => id)));
  return vertices.map((vertex) => ({ ...vertex, last: !read.has(vertex.id) }));
}

const rateOf = (vertex) => sum(vertex, rateName(vertex));

/* Many do not fit; the tasks' table has them. */
const usersWords = (users) => (users.length > 2 ? "" : users.join(", "));

function rowView() {
  const lamp = graphic("circle", { class: "lamp", r: 4, cx: PADDING + 4 });
  const name = textLine("row-name");
  const rate = textLine("row-rate");
  setAttribute(rate.node, "text-anchor", "end");
  const node = graphic("g", { class: "row-group" }, lamp, name.node, rate.node);
  return {
    node,
    update({ subtask, vertex, y, width }) {
      setAttribute(node, "data-tone", toneOf(subtask.state));
      setAttribute(node, "data-state", subtask.state);
      setAttribute(lamp, "cy", y);
      setAttribute(node, "data-subtask", subtask.index);
      const field = rateName(vertex);
      const text = perSecond(subtask[field]);
      setAttribute(rate.node, "data-field", field);
      setAttribute(rate.node, "data-value", subtask[field] ?? "");
      const room = width - 2 * PADDING - 20 - widthOf(text, "row-rate");
      name.update(fit(`${subtask.index}  ${usersWords(subtask.users ?? [])}`, room, "row-name"), PADDING + 15, y + 4);
      rate.update(text, width - PADDING, y + 4);
    },
  };
}

function vertexView() {
  const frame = graphic("rect", { class: "box", rx: 10 });
  const name = textLine("box-title");
  const note = textLine("box-state");
  const rate = textLine("box-note");
  const curve = sparkline();
  const rows = graphic("g");
  const more = textLine("box-note");
  const node = graphic(
    "g",
    { class: "box-group", role: "img" },
    frame,
    curve.node,
    name.node,
    note.node,
    rate.node,
    rows,
    more.node,
  );
  return { node, update: show };

  function show({ vertex, box, head, row, history }) {
    place(node, box);
    setAttribute(node, "data-vertex", vertex.name);
    setAttribute(node, "data-state", vertex.state);
    setAttribute(node, "data-tone", toneOf(vertex.state));
    setAttribute(frame, "width", box.width);
    setAttribute(frame, "height", box.height);
    name.update(fit(`${vertex.name} ×${vertex.parallelism}`, box.width - 2 * PADDING, "box-title"), PADDING, 21);
    note.update(fit(vertex.state ?? "unknown", box.width - 2 * PADDING, "box-state"), PADDING, 38);
    rate.update(fit(`${perSecond(rateOf(vertex))} in all`, box.width - 2 * PADDING, "box-note"), PADDING, 55);
    const room = Math.min(90, box.width - 110);
    curve.update(history, { x: box.width - PADDING - room, y: 14, width: box.width < NARROW ? 0 : room, height: 36 });
    const shown = shownSubtasks(vertex);
    reconcile(
      rows,
      shown.map((subtask, index) => ({ subtask, vertex, y: head + row * index + row / 2, width: box.width })),
      (item) => item.subtask.index,
      rowView,
    );
    const hidden = vertex.subtasks.length - shown.length;
    more.update(hidden ? `and ${hidden} more` : "", PADDING, head + row * shown.length + row / 2 + 4);
    setAttribute(node, "aria-label", vertexWords(vertex));
  }
}

function vertexWords(vertex) {
  const running = vertex.subtasks.filter((subtask) => subtask.state === "RUNNING").length;
  const tasks = `${running} of ${vertex.parallelism} subtasks running`;
  return `${vertex.name}: ${vertex.state ?? "unknown"}, ${tasks}, ${perSecond(rateOf(vertex))} records`;
}

function labelView() {
  const line = textLine("edge-label");
  return {
    node: line.node,
    update({ strategy, label }) {
      setAttribute(line.node, "text-anchor", label.anchor);
      line.update(strategy, label.x, label.y);
    },
  };
}

export class Pipeline {
  constructor(panel) {
    this.panel = panel;
    this.histories = new Map();
    this.layers = [graphic("g"), graphic("g"), graphic("g")];
    this.drawing = graphic(
      "svg",
      { class: "diagram", role: "group", "aria-label": "Pipeline of the job" },
      ...this.layers,
    );
    this.empty = element("p", { class: "message" }, "No plan yet: the job has not started.");
    panel.body.replaceChildren(element("div", { class: "diagram-holder" }, this.drawing), this.empty);
    this.room = new Room(this.drawing.parentNode, () => this.draw());
  }

  update(data) {
    this.panel.observed(data.pipeline?.observedAt ?? null, data.flink);
    this.vertices = withLast(data.pipeline?.vertices ?? []);
    this.remember(data.pipeline?.observedAt);
    this.empty.hidden = this.vertices.length > 0;
    this.draw();
  }

  remember(observedAt) {
    this.histories = new Map(this.vertices.map(({ id }) => [id, this.histories.get(id) ?? new History()]));
    for (const vertex of this.vertices)
      this.histories.get(vertex.id).add(Date.parse(observedAt) / 1000, rateOf(vertex));
  }

  draw() {
    const { width } = this.room;
    if (!this.vertices || !width) return;
    const { boxes, wires, height, head, row } = layout(this.vertices, rowsOf, width);
    setAttribute(this.drawing, "width", width);
    setAttribute(this.drawing, "height", height);
    const known = new Map(this.vertices.map((vertex) => [vertex.id, vertex]));
    const [wireLayer, labelLayer, boxLayer] = this.layers;
    reconcile(
      wireLayer,
      wires.map((wire) => ({ ...wire, flow: rateOf(known.get(wire.from)) > 0 ? "records" : "none" })),
      (wire) => wire.key,
      wireView,
    );
    reconcile(labelLayer, wires, (wire) => wire.key, labelView);
    reconcile(
      boxLayer,
      this.vertices.map((vertex) => ({
        vertex,
        box: boxes[vertex.id],
        head,
        row,
        history: this.histories.get(vertex.id),
      })),
      (item) => item.vertex.id,
      vertexView,
    );
  }
}
