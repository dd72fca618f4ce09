"""What every widget's page is held to: axe-core finds nothing serious under its root."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def assert_accessible(page: Page, root: str) -> None:
    """Fail where axe-core, which its package brings along, sees a serious or critical violation under a selector."""
    assert page.locator(root).count(), f"nothing on the page is {root}, so axe would find nothing"
    found = Axe().run(page, context={"include": [[root]]}, options={"resultTypes": ["violations"]}).response
    said = [
        f"{violation['id']} ({violation['impact']}): {node['html']} {node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
    assert not said, "\n".join(said)
