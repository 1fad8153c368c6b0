/* Tables that become cards where there is no room: each cell carries its heading. Roles are written out, because
   changing the display of a table takes them away in some browsers. */

import { element } from "./elements.js";

export const cell = (heading, ...content) => element("td", { role: "cell", "data-heading": heading }, ...content);

/* `columns`: [{heading, numeric}]. */
export function table({ caption, columns, bodies }) {
  const headings = columns.map(({ heading, numeric }) =>
    element("th", { scope: "col", role: "columnheader", class: numeric ? "numeric" : null }, heading),
  );
  return element(
    "table",
    { role: "table" },
    element("caption", { class: "visually-hidden" }, caption),
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...headings)),
    ...bodies,
  );
}

export const scrolling = (label, content) =>
  element("div", { class: "scrolling", role: "region", tabindex: "0", "aria-label": label }, content);
