/* Runs before the first paint, so that a chosen theme never flashes in the other colours. No module: modules run too
   late for that. */
try {
  const theme = localStorage.getItem("anomalyjob-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  /* storage may be forbidden: then the system's theme holds */
}
