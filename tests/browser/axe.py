"""Looks for barriers in a page with axe-core: what keeps people who see, hear or move differently from using it."""

from pathlib import Path

from playwright.sync_api import Page

SCRIPT = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
RUN = """
async () => {
  const found = await window.axe.run(document, { resultTypes: ["violations"] });
  return found.violations.map((violation) => [
    violation.impact, violation.id, violation.help, violation.nodes.map((node) => node.html.slice(0, 200)).slice(0, 5),
  ]);
}
"""
SERIOUS = frozenset({"serious", "critical"})


def violations(page: Page) -> list[str]:
    """Return the serious and critical ones, as sentences; those that are less so are printed."""
    if not page.evaluate("() => 'axe' in window"):
        # Evaluated by the browser's own hand: the page's policy forbids scripts of others, as it should.
        page.evaluate(SCRIPT.read_text(encoding="utf-8"))
    found = page.evaluate(RUN)
    told = [(impact, f"{impact}: {rule}: {text}: {' '.join(nodes)}") for impact, rule, text, nodes in found]
    print("\n".join(sentence for impact, sentence in told if impact not in SERIOUS))
    return [sentence for impact, sentence in told if impact in SERIOUS]
