/* The one place from which the page speaks to screen readers: changes of the phase, stale, disconnected. Never on
   every tick. */

import { setText } from "./elements.js";

const WINDOW_MILLISECONDS = 300;
let waiting = [];

function speak() {
  const spoken = waiting.length > 2 ? [waiting[0], `${waiting.length - 1} more changes`] : waiting;
  setText(document.getElementById("announcer"), spoken.join(". "));
  waiting = [];
}

export function announce(text) {
  if (waiting.length === 0) setTimeout(speak, WINDOW_MILLISECONDS);
  waiting.push(text);
}
