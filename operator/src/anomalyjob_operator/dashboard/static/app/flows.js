/* What is moving between the volume and the TaskManagers right now, judged from the documents. Pure but for what it
   remembers. */

import { recoveryState } from "./recovery_state.js";

const CHECKPOINT_SHOWN_MILLISECONDS = 2500;
const RESTORE_SHOWN_MILLISECONDS = 10000;

/* A restore may be over before the next document comes: it is shown long enough to be seen. */
export class Flows {
  constructor() {
    this.checkpoint = null;
    this.checkpointAt = -Infinity;
    this.restoredAt = null;
    this.restoreSeenAt = -Infinity;
    this.source = null;
  }

  see(data, now) {
    const checkpoint = data.lastCheckpoint?.id ?? null;
    if (this.seen && checkpoint !== null && checkpoint !== this.checkpoint) this.checkpointAt = now;
    this.checkpoint = checkpoint;
    const restoredAt = data.restored?.restoredAt ?? null;
    if (this.seen && restoredAt && restoredAt !== this.restoredAt) this.restoreSeenAt = now;
    this.restoredAt = restoredAt;
    const { recovery, phase } = data.status;
    this.recovering = recoveryState(recovery, phase) === "recovering";
    this.source = recovery?.fromCheckpoint ?? null;
    this.seen = true;
  }

  /* One of "waiting" (it is not known yet what will be restored), "restoring", "restored", "checkpoint", "none". */
  at(now) {
    if (this.recovering) return this.source === null ? "waiting" : "restoring";
    if (now - this.restoreSeenAt < RESTORE_SHOWN_MILLISECONDS) return "restored";
    return now - this.checkpointAt < CHECKPOINT_SHOWN_MILLISECONDS ? "checkpoint" : "none";
  }
}
