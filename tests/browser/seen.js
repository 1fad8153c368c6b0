// Writes down, from the first moment of a page on, every change that tests ask for: state attributes and new rows.
// Short states are not missed that way, however slowly a test looks.
(() => {
  const attributes = ["data-phase", "data-state", "data-stale", "data-entry", "data-status", "data-log-kind", "data-connection"];
  const last = new Map();
  window.seenByTest = [];
  const note = (kind, name, value) => {
    const key = `${kind} ${name}`;
    if (last.get(key) === value) return;
    last.set(key, value);
    window.seenByTest.push({ at: Date.now(), kind, name, value });
  };
  const tell = (element) => {
    const data = element.dataset;
    const panel = element.closest("[data-panel]")?.dataset.panel ?? "";
    if ("phase" in data) note("phase", panel, data.phase);
    if ("workload" in data && "state" in data) note("workload", `${panel}/${data.workload}`, data.state);
    if ("stale" in data) note("stale", data.panel ?? panel, data.stale);
    if ("entry" in data) note("entry", `${data.entry} ${data.checkpoint}`, data.status ?? "");
    if ("logKind" in data && "seq" in data) note("log", data.seq, data.logKind);
    if ("connection" in data) note("connection", "", data.connection);
  };
  const selector = attributes.map((name) => `[${name}]`).join(",");
  const look = (node) => {
    if (!(node instanceof Element)) return;
    if (node.matches(selector)) tell(node);
    for (const element of node.querySelectorAll(selector)) tell(element);
  };
  new MutationObserver((changes) => {
    for (const change of changes) {
      if (change.type === "attributes") tell(change.target);
      for (const node of change.addedNodes) look(node);
    }
  }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: attributes });
})();
