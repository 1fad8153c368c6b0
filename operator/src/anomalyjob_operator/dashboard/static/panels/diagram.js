/* What the two diagrams share: boxes drawn at their true size, wires between them, and texts cut to their room. */

import { graphic, setAttribute, setText } from "../app/elements.js";

const CHARACTER_WIDTH = 7.1;

export function fit(text, width, characterWidth = CHARACTER_WIDTH) {
  const room = Math.max(1, Math.floor(width / characterWidth));
  return text.length <= room ? text : `${text.slice(0, room - 1)}…`;
}

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

/* Draws anew when the room changes; the drawing itself is updated in place. */
export function onWidthChange(node, draw) {
  let width = 0;
  new ResizeObserver(([entry]) => {
    const next = Math.floor(entry.contentRect.width);
    if (next === width || next === 0) return;
    width = next;
    draw();
  }).observe(node);
}
