/* Builds and updates nodes. Texts only ever become text nodes: nothing here, or anywhere on the page, reads markup
   from data. */

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

export function setAttribute(node, name, value) {
  if (value === null || value === undefined || value === false) {
    node.removeAttribute(name);
  } else if (node.getAttribute(name) !== String(value)) {
    node.setAttribute(name, String(value));
  }
}

export function setText(node, text) {
  // Writing an equal text would still restart selections and wake screen readers.
  if (node.textContent !== text) node.textContent = text;
}

/* A custom property of the style, as text. */
export function setProperty(node, name, text) {
  if (node.style.getPropertyValue(name) !== text) node.style.setProperty(name, text);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) setAttribute(node, name, value);
  node.append(...children);
  return node;
}

export function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function graphic(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG_NAMESPACE, tag), attributes, children);
}

const viewsOf = new WeakMap();

/* Makes the children of `parent` match `items` in place: a view is `{node, update(item)}`. What stays is neither
   rebuilt nor moved, so focus, selection and scroll position stay too. */
export function reconcile(parent, items, keyOf, create) {
  const known = viewsOf.get(parent) ?? new Map();
  const views = new Map();
  for (const item of items) {
    const key = keyOf(item);
    const view = views.get(key) ?? known.get(key) ?? create(item);
    view.update(item);
    views.set(key, view);
  }
  for (const [key, view] of known) if (!views.has(key)) view.node.remove();
  let place = parent.firstChild;
  for (const { node } of views.values()) {
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
  }
  viewsOf.set(parent, views);
}
