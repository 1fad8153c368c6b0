/* Which of the few tones a phase or state has. Colour never stands alone: the word stands beside it. Pure. */

const TONES = {
  good: ["Running", "RUNNING", "running", "COMPLETED", "FINISHED", "True"],
  busy: [
    "Pending",
    "Deploying",
    "Upgrading",
    "starting",
    "waiting",
    "CREATED",
    "SCHEDULED",
    "DEPLOYING",
    "INITIALIZING",
    "IN_PROGRESS",
    "RECONCILING",
  ],
  flowing: ["RESTORED"],
  warn: ["Degraded", "Recovering", "Deleting", "RESTARTING", "CANCELLING", "CANCELING", "CANCELED", "FAILING"],
  bad: ["Failed", "FAILED", "down", "restarting"],
};
const TONE_OF = new Map(Object.entries(TONES).flatMap(([tone, words]) => words.map((word) => [word, tone])));

/* From what needs a look most to what needs none. */
const SEVERITY = ["bad", "warn", "busy", "flowing", "quiet", "good"];

export const rankOf = (word) => SEVERITY.indexOf(toneOf(word));
export const toneOf = (word) => TONE_OF.get(word) ?? "quiet";

/* Conditions whose True is bad news. */
const BAD_WHEN_TRUE = new Set(["Stalled"]);
/* False while a job starts or recovers: told, and not yet bad. */
const WARNING_WHEN_FALSE = new Set(["Ready"]);
const NEUTRAL = new Set(["Reconciling"]);

export function toneOfCondition({ type, status }) {
  if (status === "Unknown") return "quiet";
  if (NEUTRAL.has(type)) return status === "True" ? "busy" : "quiet";
  if (BAD_WHEN_TRUE.has(type)) return status === "True" ? "bad" : "quiet";
  if (status === "True") return "good";
  return WARNING_WHEN_FALSE.has(type) ? "warn" : "bad";
}
