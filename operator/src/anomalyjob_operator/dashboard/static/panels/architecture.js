/* The architecture as a living drawing: operator, JobManager, TaskManagers, volume, and what moves between them. */

import { now, onEverySecond } from "../app/clock.js";
import { element, graphic, reconcile, setAttribute, setText } from "../app/elements.js";
import { Flows } from "../app/flows.js";
import { bytes, counted, percent } from "../app/numbers.js";
import { rankOf, toneOf } from "../app/tones.js";
import { layout } from "./architecture_layout.js";
import { arrowHead, fit, fitEnd, place, Room, textLine, wireView } from "./diagram.js";

const PADDING = 12;
const MOST_DRAWN = 6;
const LAMP_ROOM = 15;
const CLASSES = ["box-title", "box-state", "box-note"];

function boxView({ name }) {
  const frame = graphic("rect", { class: "box", rx: 10 });
  const lamp = graphic("circle", { class: "lamp", r: 5 });
  const lines = CLASSES.map(textLine);
  const title = graphic("title");
  const node = graphic(
    "g",
    { class: "box-group", role: "img", "data-node": name },
    title,
    frame,
    lamp,
    ...lines.map((line) => line.node),
  );
  return {
    node,
    update({ box, title: heading, state, note, tone, workload, role, field, value }) {
      place(node, box);
      const attributes = { "data-tone": tone, "data-state": state, "data-workload": workload, "data-role": role };
      for (const [attribute, text] of Object.entries(attributes)) setAttribute(node, attribute, text);
      setAttribute(lines[2].node, "data-field", field);
      setAttribute(lines[2].node, "data-value", field ? (value ?? "") : null);
      setAttribute(frame, "width", box.width);
      setAttribute(frame, "height", box.height);
      setAttribute(lamp, "cx", PADDING + 4);
      setAttribute(lamp, "cy", 38);
      const room = box.width - 2 * PADDING;
      const shown = box.height > 60 ? [heading, state, note] : [heading, state, ""];
      lines.forEach((line, index) => {
        const indent = index === 1 ? LAMP_ROOM : 0;
        line.update(
          (index ? fit : fitEnd)(shown[index] ?? "", room - indent, CLASSES[index]),
          PADDING + indent,
          23 + index * 19,
        );
      });
      setAttribute(node, "aria-label", [heading, state, note].filter(Boolean).join(", "));
      setText(title, [heading, state, note].filter(Boolean).join(", "));
    },
  };
}

function workloadBox(workload, job) {
  const used = workload.slots?.length ?? 0;
  const slots =
    workload.slotsTotal === null || workload.slotsTotal === undefined ? "" : `${used}/${workload.slotsTotal} slots`;
  return {
    name: workload.shortName,
    title: workload.shortName,
    state: workload.state,
    tone: toneOf(workload.state),
    workload: workload.shortName,
    role: workload.role,
    ...(workload.role === "jobmanager"
      ? { note: job?.state ? `job ${job.state}` : "" }
      : { note: slots, field: "slotsTotal", value: workload.slotsTotal }),
  };
}

/* The worst are always drawn, in their order; the slot map shows all. */
function taskManagerBoxes(workloads, job) {
  const all = workloads.filter((workload) => workload.role === "taskmanager");
  if (all.length <= MOST_DRAWN) return all.map((workload) => workloadBox(workload, job));
  const ranked = [...all].sort((one, other) => rankOf(one.state) - rankOf(other.state));
  const drawn = new Set(ranked.slice(0, MOST_DRAWN - 1));
  const [first, ...others] = ranked.slice(MOST_DRAWN - 1);
  const state = others.every((workload) => workload.state === first.state) ? first.state : "in several states";
  return [
    ...all.filter((workload) => drawn.has(workload)).map((workload) => workloadBox(workload, job)),
    {
      name: "others",
      title: `${others.length + 1} more`,
      state,
      note: "",
      tone: toneOf(first.state),
      role: "taskmanager",
    },
  ];
}

function volumeBox({ lastCheckpoint, status }, flow) {
  const words = {
    restoring: `restoring #${status.recovery?.fromCheckpoint}`,
    restored: "restored",
    checkpoint: "checkpoint written",
  };
  const kept = lastCheckpoint ? `#${lastCheckpoint.id} · ${bytes(lastCheckpoint.sizeBytes)}` : "no checkpoint yet";
  const free =
    status.volumeFreeRatio === null || status.volumeFreeRatio === undefined
      ? ""
      : `${percent(status.volumeFreeRatio)} free`;
  return {
    name: "volume",
    title: "volume",
    state: words[flow] ?? kept,
    note: words[flow] ? kept : free,
    tone: flow === "restoring" ? "flowing" : lastCheckpoint ? "good" : "quiet",
    role: "volume",
    field: "lastCheckpoint.id",
    value: lastCheckpoint?.id,
  };
}

export class Architecture {
  constructor(panel) {
    this.panel = panel;
    this.flows = new Flows();
    this.wires = graphic("g");
    this.boxes = graphic("g");
    this.drawing = graphic(
      "svg",
      { class: "diagram", role: "group", "aria-label": "Architecture of the cluster" },
      arrowHead(),
      this.wires,
      this.boxes,
    );
    this.words = element("p", { class: "diagram-words" });
    panel.body.replaceChildren(element("div", { class: "diagram-holder" }, this.drawing), this.words);
    this.room = new Room(this.drawing.parentNode, () => this.draw());
    onEverySecond(() => this.draw());
  }

  update(data) {
    this.panel.observed(data.status.observedAt);
    this.data = data;
    this.flows.see(data, now());
    this.draw();
  }

  draw() {
    const { width } = this.room;
    if (!this.data || !width) return;
    const flow = this.flows.at(now());
    const items = this.items(flow);
    const names = items.filter((item) => item.role === "taskmanager").map((item) => item.name);
    const { boxes, wires, height } = layout(names, width);
    for (const [name, value] of [
      ["width", width],
      ["height", height],
      ["data-flow", flow],
    ])
      setAttribute(this.drawing, name, value);
    reconcile(
      this.boxes,
      items.map((item) => ({ ...item, box: boxes[item.name] })),
      (item) => item.name,
      boxView,
    );
    const states = new Map(items.map((item) => [item.name, item.tone]));
    reconcile(
      this.wires,
      wires.map((wire) => wireItem(wire, flow, states)),
      (wire) => wire.key,
      wireView,
    );
    setText(this.words, flowWords(flow, this.data));
  }

  items(flow) {
    const { workloads, status, job } = this.data;
    const jobManager = workloads.find((workload) => workload.role === "jobmanager") ?? {
      shortName: "jobmanager",
      state: "stopped",
      role: "jobmanager",
    };
    return [
      {
        name: "operator",
        title: "operator",
        state: status.phase,
        note: counted(status.recoveries, "recovery", "recoveries"),
        tone: toneOf(status.phase),
        role: "operator",
      },
      { ...workloadBox(jobManager, job), name: "jobmanager" },
      ...taskManagerBoxes(workloads, job),
      volumeBox(this.data, flow),
    ];
  }
}

function wireItem(wire, flow, tones) {
  const restoring = flow === "restoring" || flow === "restored";
  const end = wire.to ?? wire.volume;
  const tone = end && tones.get(end) !== "good" ? tones.get(end) : null;
  // Nothing moves to or from what is gone.
  const moving = wire.volume && tone !== "bad" ? flow : "none";
  return { ...wire, tone, flow: moving, flowPath: wire.volume && restoring ? wire.back : wire.path };
}

function flowWords(flow, { status, restored, lastCheckpoint }) {
  if (flow === "waiting") return "Recovering: the tasks wait for their slots, then the newest checkpoint is restored.";
  if (flow === "restoring")
    return `Restoring every task from checkpoint ${status.recovery.fromCheckpoint} on the volume.`;
  if (flow === "restored") return `Restored from checkpoint ${restored?.checkpointId ?? "?"}.`;
  if (flow === "checkpoint") return `Checkpoint ${lastCheckpoint?.id ?? "?"} was written to the volume.`;
  return "";
}
