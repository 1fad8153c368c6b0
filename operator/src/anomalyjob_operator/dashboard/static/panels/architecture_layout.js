/* Where the boxes and wires of the architecture stand, for a given width. Pure. Wide: the operator above the
   JobManager, then the TaskManagers, then the volume. Narrow: from top to bottom, with wires along the sides. */

import { wirePath } from "./diagram.js";

const NARROW = 440;
const GAP = 14;
const HEIGHT = 74;
const LOW_HEIGHT = 50;
const MANY = 4;
const WIDEST = 240;
const LANE = 20;

const left = (box) => ({ x: box.x, y: box.y + box.height / 2 });
const right = (box) => ({ x: box.x + box.width, y: box.y + box.height / 2 });
const top = (box) => ({ x: box.x + box.width / 2, y: box.y });
const bottom = (box) => ({ x: box.x + box.width / 2, y: box.y + box.height });

export function layout(taskManagers, width) {
  const height = taskManagers.length > MANY ? LOW_HEIGHT : HEIGHT;
  return width < NARROW ? narrow(taskManagers, width, height) : wide(taskManagers, width, height);
}

function wide(taskManagers, width, height) {
  const gap = Math.min(150, Math.max(52, width * 0.13));
  const box = Math.min(WIDEST, (width - 2 * gap - 2) / 3);
  const start = (width - 3 * box - 2 * gap) / 2;
  const column = (index) => start + index * (box + gap);
  const stack = taskManagers.length * (height + GAP) - GAP;
  const total = Math.max(HEIGHT * 2 + 40, stack);
  const at = (index, y) => ({ x: column(index), y: y + 1, width: box, height: HEIGHT });
  const spare = Math.min(40, total - 2 * HEIGHT);
  const first = (total - 2 * HEIGHT - spare) / 2;
  const boxes = {
    operator: at(0, first),
    jobmanager: at(0, first + HEIGHT + spare),
    volume: at(2, (total - HEIGHT) / 2),
  };
  taskManagers.forEach((name, index) => {
    boxes[name] = { x: column(1), y: (total - stack) / 2 + 1 + index * (height + GAP), width: box, height };
  });
  const wires = [
    { key: "operator-jobmanager", path: wirePath(bottom(boxes.operator), top(boxes.jobmanager), "down") },
    ...taskManagers.flatMap((name) => [
      { key: `jobmanager-${name}`, to: name, path: wirePath(right(boxes.jobmanager), left(boxes[name])) },
      {
        key: `${name}-volume`,
        volume: name,
        path: wirePath(right(boxes[name]), left(boxes.volume)),
        back: wirePath(left(boxes.volume), right(boxes[name])),
      },
    ]),
  ];
  return { boxes, wires, height: total + 2 };
}

function narrow(taskManagers, width, height) {
  const half = (width - GAP - 2) / 2;
  const inner = width - 2 * LANE;
  const boxes = {
    operator: { x: 1, y: 1, width: half, height: HEIGHT },
    jobmanager: { x: 1 + half + GAP, y: 1, width: half, height: HEIGHT },
  };
  let y = HEIGHT + 1 + 2 * GAP;
  for (const name of taskManagers) {
    boxes[name] = { x: LANE, y, width: inner, height };
    y += height + GAP;
  }
  boxes.volume = { x: LANE, y: y + GAP, width: inner, height: HEIGHT };
  const wires = [
    { key: "operator-jobmanager", path: wirePath(right(boxes.operator), left(boxes.jobmanager)) },
    ...taskManagers.flatMap((name) => sideWires(name, boxes, width)),
  ];
  return { boxes, wires, height: boxes.volume.y + HEIGHT + 1 };
}

/* The JobManager's wires go down on the left, the volume's up on the right. */
function sideWires(name, boxes, width) {
  const start = bottom(boxes.jobmanager);
  const { y: middle } = left(boxes[name]);
  const { y: volume } = left(boxes.volume);
  const outer = width - LANE / 2;
  return [
    {
      key: `jobmanager-${name}`,
      to: name,
      path: `M${start.x} ${start.y}V${start.y + GAP}H${LANE / 2}V${middle}H${LANE}`,
    },
    {
      key: `${name}-volume`,
      volume: name,
      path: `M${width - LANE} ${middle}H${outer}V${volume}H${width - LANE}`,
      back: `M${width - LANE} ${volume}H${outer}V${middle}H${width - LANE}`,
    },
  ];
}
