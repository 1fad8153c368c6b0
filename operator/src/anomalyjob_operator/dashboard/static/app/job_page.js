/* The page of one job: joins the stream of its documents to the panels. */

import { startTicking } from "./clock.js";
import { Connection } from "./connection.js";
import { setText } from "./elements.js";
import { Panel } from "./panel.js";
import { startTheme } from "./theme.js";
import { Architecture } from "../panels/architecture.js";
import { Checkpoints } from "../panels/checkpoints.js";
import { Log } from "../panels/log.js";
import { Overview } from "../panels/overview.js";
import { Pipeline } from "../panels/pipeline.js";
import { Tasks } from "../panels/tasks.js";
import { Workloads } from "../panels/workloads.js";

const PANELS = {
  overview: Overview,
  workloads: Workloads,
  tasks: Tasks,
  checkpoints: Checkpoints,
  log: Log,
  architecture: Architecture,
  pipeline: Pipeline,
};

function jobOfAddress() {
  const [namespace, name] = location.pathname.split("/").slice(-2).map(decodeURIComponent);
  return { namespace, name };
}

/* A panel that fails does not take the others with it; the failure still shows in the console. */
function apart(update) {
  try {
    update();
  } catch (error) {
    reportError(error);
  }
}

function start() {
  startTheme(document.getElementById("theme"));
  startTicking();
  const { namespace, name } = jobOfAddress();
  setText(document.getElementById("job-name"), name);
  setText(document.getElementById("job-namespace"), namespace);
  const frames = Object.keys(PANELS).map((panel) => new Panel(panel));
  const views = Object.fromEntries(frames.map((frame) => [frame.name, new PANELS[frame.name](frame)]));
  const ofOverview = [views.overview, views.workloads, views.tasks, views.architecture, views.pipeline];
  const job = `${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
  new Connection({
    address: `/api/stream/jobs/${job}`,
    plainAddress: `/api/jobs/${job}`,
    panels: frames,
    reopened: () => views.log.reopened(),
    handlers: {
      overview(data) {
        for (const view of ofOverview) apart(() => view.update(data));
        apart(() => views.checkpoints.updateOverview(data));
        apart(() => views.log.updateAlive(data));
      },
      checkpoints: (data) => views.checkpoints.update(data),
      log: (data) => views.log.update(data),
      alive: (data) => views.log.updateAlive(data),
    },
  }).start();
}

start();
