/* What time it is at the server, and the ages that tick. All ages of the page are texts renewed by one timer, once a
   second. */

import { element, setAttribute, setText } from "./elements.js";
import { dateTime, span, UNKNOWN } from "./numbers.js";

let offsetMilliseconds = 0;
const everySecond = [];

/* The clocks of the two machines may differ; the way here takes time too, so the smallest lag seen lately is nearest
   to the truth. */
export function serverTold(serverTime) {
  const difference = Date.parse(serverTime) - Date.now();
  if (!Number.isFinite(difference)) return;
  const drift = difference - offsetMilliseconds;
  if (drift > 0 || drift < -1000) offsetMilliseconds = difference;
}

export const now = () => Date.now() + offsetMilliseconds;
export const secondsSince = (instant) => (instant ? Math.max(0, (now() - Date.parse(instant)) / 1000) : null);

function ageText(node) {
  const age = secondsSince(node.dateTime);
  return age === null ? node.dataset.none : `${node.dataset.before}${span(age)}${node.dataset.after}`;
}

/* `before` and `after` surround the age: "since 12 s", "12 s ago". */
export function ageField(name, { before = "", after = " ago", none = UNKNOWN } = {}) {
  const node = element("time", {
    "data-age": "",
    "data-field": name,
    "data-before": before,
    "data-after": after,
    "data-none": none,
  });
  return {
    node,
    update(instant) {
      setAttribute(node, "datetime", instant ?? "");
      setAttribute(node, "data-value", instant ?? "");
      setAttribute(node, "title", instant ? dateTime(instant) : null);
      setText(node, ageText(node));
    },
  };
}

export const onEverySecond = (callback) => everySecond.push(callback);

function tick() {
  for (const node of document.querySelectorAll("time[data-age]")) setText(node, ageText(node));
  for (const callback of everySecond) callback();
}

export const startTicking = () => setInterval(tick, 1000);
