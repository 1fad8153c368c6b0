/* The small parts of which the panels are made: a number with its raw value beside it, a badge, a labelled figure, a
   meter. */

import { element, setAttribute, setProperty, setText } from "./elements.js";
import { toneOf } from "./tones.js";

export const setTone = (node, tone) => setAttribute(node, "data-tone", tone);

export function field(name, format) {
  const node = element("span", { class: "value", "data-field": name });
  return {
    node,
    update(value) {
      setAttribute(node, "data-value", value ?? "");
      setText(node, format(value));
    },
  };
}

export function badge(name = null) {
  const node = element("span", { class: "badge", "data-field": name });
  return {
    node,
    update(state, tone = toneOf(state)) {
      setTone(node, tone);
      setAttribute(node, "data-value", name ? (state ?? "") : null);
      setText(node, state ?? "unknown");
    },
  };
}

/* One figure of a description list: a term, a large value, and small print below. */
export function figure(label, value, ...notes) {
  return element(
    "div",
    { class: "figure" },
    element("dt", {}, label),
    element(
      "dd",
      {},
      element("span", { class: "figure-value" }, ...[value].flat()),
      ...notes.map((note) => element("small", {}, ...[note].flat())),
    ),
  );
}

/* How full something is. The bar is decoration: the numbers beside it say the same. */
export function meter(label, name, format, limitName = null) {
  const used = field(name, format);
  const limit = field(limitName, (value) => (value === null || value === undefined ? "" : ` / ${format(value)}`));
  limit.node.classList.add("limit");
  const bar = element("span", { class: "meter-bar" });
  const track = element("span", { class: "meter-track", "aria-hidden": "true" }, bar);
  const node = element(
    "div",
    { class: "meter" },
    element("span", { class: "meter-label" }, label),
    element("span", { class: "meter-text" }, used.node, limitName ? limit.node : ""),
    track,
  );
  return {
    node,
    update(value, maximum = 1) {
      used.update(value);
      limit.update(maximum);
      track.hidden = maximum === null;
      const ratio = value === null || value === undefined || !maximum ? 0 : Math.min(1, value / maximum);
      setProperty(bar, "--ratio", ratio.toFixed(4));
      setTone(bar, ratio > 0.95 ? "bad" : ratio > 0.85 ? "warn" : "good");
    },
  };
}
