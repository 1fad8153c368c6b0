/* Whether what a panel shows may still be taken for now. Pure: every time is an argument. */

const SILENCE_SECONDS = 5;
const OLD_SECONDS = 10;

/* `silence`: seconds since the newest message; `observedAge`: seconds since the panel's facts were seen, null when
   never; `answering`: whether Flink answered last, null when the panel does not rest on Flink. */
export function staleCause({ silence, observedAge, answering }) {
  if (silence > SILENCE_SECONDS) return "connection";
  if (observedAge !== null && observedAge > OLD_SECONDS) return "old";
  if (answering === false) return "flink";
  return null;
}

export function staleText(cause, ageText) {
  if (ageText === null) return cause === "flink" ? "stale: Flink has not answered yet" : "stale: nothing seen yet";
  return `stale: last seen ${ageText} ago`;
}
