/* What the two diagrams share: boxes drawn at their true size, wires between them, and texts cut to their room. */

import { graphic, setAttribute, setText } from "../app/elements.js";

const FONTS = {
  "box-title": "650 12.5px",
  "box-state": "600 11.5px",
  "box-note": "400 11.5px",
  "row-name": "400 12px",
  "row-rate": "400 11.5px",
};
const ruler = document.createElement("canvas").getContext("2d");
let family = null;

/* How wide a text of that class is drawn: fonts differ from system to system. */
export function widthOf(text, className) {
  // Asking for a style makes the browser work out all of them: once, and not for each text.
  family ??= getComputedStyle(document.body).fontFamily;
  ruler.font = `${FONTS[className]} ${family}`;
  return ruler.measureText(text).width;
}

export function fit(text, room, className) {
  let shown = text;
  for (let length = text.length - 1; length > 0 && widthOf(shown, className) > room; length -= 1)
    shown = `${text.slice(0, length)}…`;
  return shown;
}

/* For names whose end tells them apart. */
export function fitEnd(text, room, className) {
  let shown = text;
  for (let from = 1; from < text.length && widthOf(shown, className) > room; from += 1) {
    shown = `…${text.slice(from)}`;
  }
  return shown;
}

/* An arrow's head for what flows, so that its direction is seen without any motion. */
export const arrowHead = () =>
  graphic(
    "defs",
    {},
    graphic(
      "marker",
      {
        id: "flow-head",
        viewBox: "0 0 10 10",
        refX: 8,
        refY: 5,
        markerWidth: 13,
        markerHeight: 13,
        markerUnits: "userSpaceOnUse",
        orient: "auto",
      },
      graphic("path", { class: "flow-head", d: "M0 0L10 5L0 10z" }),
    ),
  );

const FLOWS_WITH_HEAD = new Set(["restoring", "restored"]);

export const place = (node, { x, y }) => setAttribute(node, "transform", `translate(${x} ${y})`);

/* A wire from the middle of one side to the middle of the other; `way` is the direction in which it leaves. */
export function wirePath(from, to, way = "across") {
  const [x1, y1, x2, y2] = [from.x, from.y, to.x, to.y];
  if (way === "down") {
    const middle = (y1 + y2) / 2;
    return `M${x1} ${y1}C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}`;
  }
  const middle = (x1 + x2) / 2;
  return `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
}

export function wireView() {
  const wire = graphic("path", { class: "wire" });
  const flow = graphic("path", { class: "flow" });
  const node = graphic("g", { class: "edge", "aria-hidden": "true" }, wire, flow);
  return {
    node,
    update({ path, flowPath, flow: kind, tone, key }) {
      setAttribute(wire, "d", path);
      setAttribute(flow, "d", flowPath ?? path);
      setAttribute(flow, "marker-end", FLOWS_WITH_HEAD.has(kind) ? "url(#flow-head)" : null);
      setAttribute(node, "data-edge", key);
      setAttribute(node, "data-flow", kind ?? "none");
      setAttribute(node, "data-tone", tone ?? null);
    },
  };
}

export function textLine(className) {
  const node = graphic("text", { class: className });
  return {
    node,
    update(text, x, y) {
      setText(node, text);
      setAttribute(node, "x", x);
      setAttribute(node, "y", y);
    },
  };
}

/* The room of a drawing. Asking for it makes the browser lay out the whole page, so it is asked for only until it is
   known; from then on it is told. */
export class Room {
  constructor(node, changed) {
    this.node = node;
    this.known = 0;
    new ResizeObserver(([entry]) => {
      const width = Math.floor(entry.contentRect.width);
      if (width === this.known || width === 0) return;
      this.known = width;
      changed();
    }).observe(node);
  }

  get width() {
    this.known ||= Math.floor(this.node.clientWidth);
    return this.known;
  }
}
