/* Light or dark: as the system says until the user chooses. A stored choice holds on every page. */

const KEY = "anomalyjob-theme";
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const followers = [];

function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage may be forbidden; then the choice lasts as long as the page
  }
}

function store(theme) {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    /* as above */
  }
}

const current = () => document.documentElement.dataset.theme ?? (systemDark.matches ? "dark" : "light");
export const onThemeChange = (callback) => followers.push(callback);

function choose(theme, button) {
  document.documentElement.dataset.theme = theme;
  label(button);
  for (const callback of followers) callback();
}

function label(button) {
  const other = current() === "dark" ? "light" : "dark";
  button.setAttribute("aria-label", `Switch to the ${other} theme`);
  button.title = `Switch to the ${other} theme`;
}

export function startTheme(button) {
  const choice = stored();
  if (choice === "light" || choice === "dark") document.documentElement.dataset.theme = choice;
  label(button);
  systemDark.addEventListener("change", () => {
    label(button);
    for (const callback of followers) callback();
  });
  button.addEventListener("click", () => {
    const theme = current() === "dark" ? "light" : "dark";
    store(theme);
    choose(theme, button);
  });
}
