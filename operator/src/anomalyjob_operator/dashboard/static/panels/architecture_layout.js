/* Where the boxes and wires of the architecture stand, for a given width. Pure.
   Wide: operator, JobManager, TaskManagers, volume from left to right. Narrow: from top to bottom, with wires along the two sides. */

import { wirePath } from "./diagram.js";

const NARROW = 540;
const GAP = 14;
const HEIGHT = 74;
const LOW_HEIGHT = 46;
const MANY = 4;

const left = (box) => ({ x: box.x, y: box.y + box.height / 2 });
const right = (box) => ({ x: box.x + box.width, y: box.y + box.height / 2 });

export function layout(taskManagers, width) {
  const height = taskManagers.length > MANY ? LOW_HEIGHT : HEIGHT;
  return width < NARROW ? narrow(taskManagers, width, height) : wide(taskManagers, width, height);
}

function wide(taskManagers, width, height) {
  const gap = Math.min(92, Math.max(40, width * 0.075));
  const box = (width - 3 * gap - 2) / 4;
  const column = (index) => 1 + index * (box + gap);
  const total = Math.max(HEIGHT * 2, taskManagers.length * (height + GAP) - GAP);
  const middle = (total - HEIGHT) / 2 + 1;
  const top = (total - (taskManagers.length * (height + GAP) - GAP)) / 2 + 1;
  const at = (index) => ({ x: column(index), y: middle, width: box, height: HEIGHT });
  const boxes = { operator: at(0), jobmanager: at(1), volume: at(3) };
  taskManagers.forEach((name, index) => {
    boxes[name] = { x: column(2), y: top + index * (height + GAP), width: box, height };
  });
  const wires = [{ key: "operator-jobmanager", path: wirePath(right(boxes.operator), left(boxes.jobmanager)) },
    ...taskManagers.flatMap((name) => [
      { key: `jobmanager-${name}`, to: name, path: wirePath(right(boxes.jobmanager), left(boxes[name])) },
      { key: `${name}-volume`, volume: name, path: wirePath(right(boxes[name]), left(boxes.volume)), back: wirePath(left(boxes.volume), right(boxes[name])) },
    ])];
  return { boxes, wires, height: total + 2 };
}

function narrow(taskManagers, width, height) {
  const lane = 20;
  const half = (width - GAP - 2) / 2;
  const inner = width - 2 * lane;
  const boxes = {
    operator: { x: 1, y: 1, width: half, height: HEIGHT },
    jobmanager: { x: 1 + half + GAP, y: 1, width: half, height: HEIGHT },
  };
  let y = HEIGHT + 1 + 2 * GAP;
  for (const name of taskManagers) {
    boxes[name] = { x: lane, y, width: inner, height };
    y += height + GAP;
  }
  boxes.volume = { x: lane, y: y + GAP, width: inner, height: HEIGHT };
  const bus = { x: boxes.jobmanager.x + half / 2, y: HEIGHT + 1 };
  const wires = [{ key: "operator-jobmanager", path: wirePath(right(boxes.operator), left(boxes.jobmanager)) },
    ...taskManagers.flatMap((name) => sideWires(name, boxes, bus, lane, width))];
  return { boxes, wires, height: boxes.volume.y + HEIGHT + 1 };
}

function sideWires(name, boxes, bus, lane, width) {
  const target = boxes[name];
  const middle = target.y + target.height / 2;
  const volume = boxes.volume.y + boxes.volume.height / 2;
  const outer = width - lane / 2;
  return [
    { key: `jobmanager-${name}`, to: name, path: `M${bus.x} ${bus.y}V${bus.y + GAP}H${lane / 2}V${middle}H${lane}` },
    {
      key: `${name}-volume`, volume: name, path: `M${width - lane} ${middle}H${outer}V${volume}H${width - lane}`,
      back: `M${width - lane} ${volume}H${outer}V${middle}H${width - lane}`,
    },
  ];
}
