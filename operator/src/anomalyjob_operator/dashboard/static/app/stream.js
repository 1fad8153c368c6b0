/* One event stream with its own reconnecting: EventSource alone gives up for ever on an HTTP error and tells nobody
   why. */

const FIRST_WAIT_MILLISECONDS = 500;
const LONGEST_WAIT_MILLISECONDS = 8000;
const SILENCE_MILLISECONDS = 10000;
const HIDDEN_MILLISECONDS = 5000;

export const nextWait = (wait) => Math.min(wait * 2, LONGEST_WAIT_MILLISECONDS);

async function whyRefused(address) {
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(5000), headers: { Accept: "application/json" } });
    if (answer.status === 401) location.reload();
    return answer.ok ? null : { status: answer.status, reason: (await answer.text()).slice(0, 300) };
  } catch {
    return null;
  }
}

export class Stream {
  /* `events`: the names to listen to. `listener` has opened(), message(event, document), closed(refusal or null),
     rested(). */
  constructor({ address, plainAddress, events, listener }) {
    Object.assign(this, { address, plainAddress, events, listener });
    this.wait = FIRST_WAIT_MILLISECONDS;
    this.heardAt = performance.now();
    this.source = null;
    this.timer = null;
    setInterval(() => this.giveUpOnSilence(), 1000);
    document.addEventListener("visibilitychange", () => this.visibilityChanged());
  }

  open() {
    clearTimeout(this.timer);
    this.source?.close();
    const source = new EventSource(this.address);
    this.source = source;
    this.heardAt = performance.now();
    // A page in a background tab is hidden from the start, and no event tells so.
    if (document.hidden) this.visibilityChanged();
    source.addEventListener("open", () => this.listener.opened());
    source.addEventListener("error", () => source === this.source && this.lost());
    for (const event of [...this.events, "alive"])
      source.addEventListener(event, (message) => this.heard(event, message));
  }

  heard(event, message) {
    this.heardAt = performance.now();
    this.wait = FIRST_WAIT_MILLISECONDS;
    this.listener.message(event, JSON.parse(message.data));
  }

  async lost() {
    this.source?.close();
    this.source = null;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), this.wait * (0.75 + Math.random() / 2));
    this.wait = nextWait(this.wait);
    this.listener.closed(null);
    const refusal = await whyRefused(this.plainAddress);
    if (refusal && !this.source) this.listener.closed(refusal);
  }

  /* A connection that died without a word: no heartbeat for long. */
  giveUpOnSilence() {
    if (this.source && performance.now() - this.heardAt > SILENCE_MILLISECONDS) this.lost();
  }

  /* Browsers open six connections to one host: a page that nobody looks at gives its own back. */
  visibilityChanged() {
    clearTimeout(this.hiding);
    if (document.hidden) this.hiding = setTimeout(() => this.rest(), HIDDEN_MILLISECONDS);
    else if (!this.source) this.open();
  }

  rest() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
    this.listener.rested();
  }
}
