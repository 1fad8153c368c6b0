/* Turns values into the texts people read. Pure; unknown is a dash, never a zero. */

export const UNKNOWN = "–";
// `toLocaleString` makes one for every number.
const GROUPED = new Intl.NumberFormat("en-US");
const UNITS = ["B", "KB", "MB", "GB", "TB", "PB"];

const known = (value, text) => (value === null || value === undefined ? UNKNOWN : text(value));
const digits = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));

/* As Flink's own web UI writes sizes: powers of 1024, three digits. */
function sizeText(value) {
  if (value < 1000) return `${Math.round(value)} B`;
  let power = 1;
  while (power < UNITS.length - 1 && value >= 1024 ** power * 1000) power += 1;
  const scaled = value / 1024 ** power;
  return `${scaled < 1 ? scaled.toFixed(2) : scaled >= 999.5 ? "1000" : scaled.toPrecision(3)} ${UNITS[power]}`;
}

function durationText(milliseconds) {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(1)} s`;
  return spanText(seconds);
}

/* The two largest units, for ages and long spans. */
function spanText(value) {
  const seconds = Math.max(0, Math.floor(value));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

export const span = (seconds) => known(seconds, spanText);
export const bytes = (value) => known(value, sizeText);
export const bytesPerSecond = (value) => known(value, (known_) => `${sizeText(known_)}/s`);
export const milliseconds = (value) => known(value, durationText);
export const seconds = (value) => known(value, (known_) => durationText(known_ * 1000));
export const count = (value) => known(value, (known_) => GROUPED.format(known_));
export const counted = (value, one, many) => known(value, (number) => `${count(number)} ${number === 1 ? one : many}`);
export const perSecond = (value) => known(value, (known_) => (known_ === 0 ? "0 /s" : `${digits(known_)} /s`));
export const word = (value) => known(value, String);

export function percent(value) {
  return known(value, (ratio) => {
    const hundredths = ratio * 100;
    return hundredths > 0 && hundredths < 10 ? `${hundredths.toFixed(1)} %` : `${hundredths.toFixed(0)} %`;
  });
}

const two = (value) => String(value).padStart(2, "0");

export function clockTime(instant) {
  return known(instant, (text) => {
    const date = new Date(text);
    return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  });
}

export function dateTime(instant) {
  return known(instant, (text) => {
    const date = new Date(text);
    return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clockTime(text)}`;
  });
}
