/* Where the vertices of the plan stand. Pure. A vertex stands one column after the last of its inputs. */

import { wirePath } from "./diagram.js";

const HEAD = 64;
const ROW = 22;
const GAP = 18;
const NARROWEST = 126;
const WIDEST = 260;

export function columnsOf(vertices) {
  const depths = new Map();
  const known = new Map(vertices.map((vertex) => [vertex.id, vertex]));
  const depth = (id, path) => {
    if (depths.has(id) || path.has(id)) return depths.get(id) ?? 0;
    const inputs = known.get(id).inputs.filter((input) => known.has(input.id));
    const value = inputs.length ? 1 + Math.max(...inputs.map((input) => depth(input.id, new Set([...path, id])))) : 0;
    depths.set(id, value);
    return value;
  };
  const columns = [];
  for (const vertex of vertices) (columns[depth(vertex.id, new Set())] ??= []).push(vertex);
  return columns.filter(Boolean);
}

export function layout(vertices, rowsOf, width) {
  const columns = columnsOf(vertices);
  const gap = Math.min(110, Math.max(68, width * 0.1));
  const room = (width - 2 - (columns.length - 1) * gap) / columns.length;
  const down = room < NARROWEST;
  const box = Math.min(WIDEST, room);
  const left = (width - columns.length * box - (columns.length - 1) * gap) / 2;
  const height = (vertex) => HEAD + rowsOf(vertex) * ROW + 8;
  const boxes = down ? stacked(columns.flat(), width, height) : sideBySide(columns, { left, width: box, gap }, height);
  const bottom = Math.max(0, ...Object.values(boxes).map((placed) => placed.y + placed.height));
  return { boxes, wires: wires(vertices, boxes, down), height: bottom + 1, head: HEAD, row: ROW };
}

function sideBySide(columns, { left, width, gap }, height) {
  const heights = columns.map((column) => column.reduce((sum, vertex) => sum + height(vertex) + GAP, -GAP));
  const total = Math.max(...heights);
  const boxes = {};
  columns.forEach((column, index) => {
    let y = (total - heights[index]) / 2 + 1;
    for (const vertex of column) {
      boxes[vertex.id] = { x: left + index * (width + gap), y, width, height: height(vertex) };
      y += height(vertex) + GAP;
    }
  });
  return boxes;
}

function stacked(vertices, width, height) {
  const boxes = {};
  let y = 1;
  for (const vertex of vertices) {
    boxes[vertex.id] = { x: 1, y, width: width - 2, height: height(vertex) };
    y += height(vertex) + 40;
  }
  return boxes;
}

function wires(vertices, boxes, down) {
  return vertices.flatMap((vertex) =>
    vertex.inputs
      .filter((input) => boxes[input.id])
      .map((input) => {
        const [from, to] = [boxes[input.id], boxes[vertex.id]];
        const start = down
          ? { x: from.x + from.width / 2, y: from.y + from.height }
          : { x: from.x + from.width, y: from.y + from.height / 2 };
        const end = down ? { x: to.x + to.width / 2, y: to.y } : { x: to.x, y: to.y + to.height / 2 };
        return {
          key: `${input.id}-${vertex.id}`,
          from: input.id,
          strategy: input.strategy ?? "",
          path: wirePath(start, end, down ? "down" : "across"),
          label: {
            x: (start.x + end.x) / 2 + (down ? 10 : 0),
            y: (start.y + end.y) / 2 + (down ? 4 : -8),
            anchor: down ? "start" : "middle",
          },
        };
      }),
  );
}
