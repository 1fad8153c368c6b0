/* How far the last recovery is. Pure. One that a change of the job cut short stays in the status as it was: only the
   phase tells that it is over. */

const RECOVERING = new Set(["Recovering", "Degraded"]);
const CONFIRMING = new Set(["Running", "Degraded", "Recovering"]);

/* One of "none", "recovering" (not all tasks run), "confirming" (they run, no newer checkpoint yet), "over", "cut",
   "failed". */
export function recoveryState(recovery, phase) {
  if (!recovery) return "none";
  if (phase === "Failed" && recovery.safeAt === null) return "failed";
  if (recovery.runningAt === null) return RECOVERING.has(phase) ? "recovering" : "cut";
  if (recovery.safeAt === null) return CONFIRMING.has(phase) ? "confirming" : "cut";
  return "over";
}
