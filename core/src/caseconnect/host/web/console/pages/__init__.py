"""The pages of the console."""

from __future__ import annotations

from caseconnect.host.web.console.asking import Page

PAGES: tuple[Page, ...] = ()
"""All pages, in the order of the menu. The first one is what `/` shows."""
