"""The causes of alerts, from the table that names them."""

from __future__ import annotations

from itertools import groupby

from caseconnect.host.alerting.causes import CAUSES, Cause
from tools.docs.markdown import code, codes, table

_ENDS = {True: "by itself", False: "by a person"}


def runbooks() -> str:
    """All causes with their pages."""
    pages = groupby(sorted(CAUSES, key=lambda c: (c.title, c.page)), key=lambda c: c.page)
    rows = [_row(page, [*causes]) for page, causes in pages]
    return table(("alert", "cause", "how bad", "closes"), rows)


def _row(page: str, causes: list[Cause]) -> tuple[str, str, str, str]:
    patterns = codes([cause.pattern for cause in causes])
    return f"[{causes[0].title}]({page}.md)", patterns, causes[0].severity, _ENDS[causes[0].itself]


def runbook(page: str) -> str:
    """One page's causes."""
    rows = [(code(c.pattern), c.severity, _ENDS[c.itself]) for c in CAUSES if c.page == page]
    return table(("cause", "how bad", "closes"), rows)
