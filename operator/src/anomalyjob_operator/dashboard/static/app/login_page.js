/* The page that asks for the token: it only says what became of the last attempt. */

const REFUSALS = {
  wrong: "That token is not the one this dashboard was given.",
  wait: "Too many wrong tokens came. Wait a minute, then try again.",
};

const asked = new URLSearchParams(location.search);
const refused = document.getElementById("refused");
const found = Object.keys(REFUSALS).find((word) => asked.has(word));
refused.textContent = found ? REFUSALS[found] : "";
refused.hidden = !found;
