"""The site's pages: every file of the documentation has its place, and links between them lead to pages."""

from __future__ import annotations

import re

import pytest
from tools.docs.workspace import ROOT
from tools.site_pages import SECTIONS, as_page, navigation, sources

PAGES = sources()


def test_every_page_is_in_one_section() -> None:
    placed = [page for section in navigation(set(PAGES.values())) for pages in section.values() for page in pages]
    assert sorted(placed) == sorted(set(PAGES.values()))


def test_the_site_has_what_a_reader_looks_for() -> None:
    (first,) = navigation(set(PAGES.values()))[0].values()
    assert first == ["index.md"], "the README is the quickstart: its commands are run by tests"
    assert {"platforms/shopify.md", "platforms/sfcc.md", "platforms/opentext_case.md"} <= set(PAGES.values())
    assert [title for title, _ in SECTIONS][:4] == ["Quickstart", "Concepts", "Use cases", "Platforms"]


@pytest.mark.parametrize(
    ("file", "text", "made"),
    [
        ("README.md", "[a](docs/concepts.md#lane)", "[a](concepts.md#lane)"),
        ("README.md", "[a](plugins/sfcc/README.md)", "[a](platforms/sfcc.md)"),
        ("docs/use-cases/returns.md", "[a](../../plugins/shopify/README.md)", "[a](../platforms/shopify.md)"),
        ("docs/deploy.md", "[`ops/`](../ops)", "`ops/`"),
        ("docs/deploy.md", "[the file](../ops/proxy/nginx.conf)", "the file (`ops/proxy/nginx.conf`)"),
        ("docs/deploy.md", "[a](https://a.example/b.md) [b](#here)", "[a](https://a.example/b.md) [b](#here)"),
        ("docs/deploy.md", "[gone](nowhere.md)", "[gone](nowhere.md)"),
        ("README.md", "```\n[a](docs/concepts.md)\n```", "```\n[a](docs/concepts.md)\n```"),
    ],
)
def test_links_lead_to_pages_and_other_files_are_named(file: str, text: str, made: str) -> None:
    assert as_page(file, text, PAGES) == made


@pytest.mark.parametrize("file", sorted(PAGES))
def test_no_link_of_a_page_leads_nowhere(file: str) -> None:
    """As `make site` finds too, where mkdocs is."""
    made = as_page(file, (ROOT / file).read_text(encoding="utf-8"), PAGES)
    made = re.sub(r"^```.*?^```", "", made, flags=re.MULTILINE | re.DOTALL)
    folder = PAGES[file].rpartition("/")[0]
    for target in re.findall(r"\]\((?![a-z]+:|#)([^)#\s]+)", re.sub(r"`[^`\n]*`", "", made)):
        parts = [part for part in f"{folder}/{target}".split("/") if part]
        while ".." in parts:
            place = parts.index("..")
            del parts[place - 1 : place + 1]
        led = "/".join(parts)
        assert led in PAGES.values() or (ROOT / "docs" / led).is_file(), target
