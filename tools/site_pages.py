"""The documentation as a site: what mkdocs is told (`make site`). Pages are the files as they lie in the repository.

The README is the front page, a plugin's README the page of its platform. Links between files that are pages are kept; a
link to any other file of the repository becomes the file's path, which a reader has beside it.
"""

from __future__ import annotations

import posixpath
import re
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MERMAID = ROOT / ".tools" / "site" / "mermaid.min.js"
"""What draws the diagrams; `make site` fetches it, so that no page asks another address for it."""

_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^(```.*?^```|~~~.*?^~~~)", re.MULTILINE | re.DOTALL)
_FRONT = {"README.md": "index.md", "SECURITY.md": "security.md", "CONTRIBUTING.md": "contributing.md"}
_MORE = {"CHANGELOG.md": "changelog.md"}

SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Quickstart", ("index.md",)),
    ("Concepts", ("concepts.md", "flows.md", "reliability.md")),
    ("Use cases", ("use-cases/README.md", "use-cases/*.md")),
    ("Platforms", ("platforms/*.md",)),
    ("Tenant files", ("tenant-files.md", "conditions.md", "planning.md")),
    ("Operations", ("operations.md", "console.md", "console-pages.md", "numbers.md", "deploy.md", "upgrading.md")),
    ("Runbooks", ("runbooks/README.md", "runbooks/*.md")),
    ("Security", ("security.md", "security-checks.md")),
    ("Plugin authors", ("plugins.md", "contributing.md", "decisions/README.md", "decisions/*.md")),
    ("Reference", ("reference/*.md", "bench.md", "changelog.md")),
)
"""What a reader finds where; a page that none of these names is found by the search, and by links."""


def sources() -> dict[str, str]:
    """By file of the repository the page that it is."""
    found = {**_FRONT, **_MORE}
    found |= {str(f.relative_to(ROOT)): str(f.relative_to(ROOT / "docs")) for f in (ROOT / "docs").rglob("*.md")}
    plugins = [f.parent.name for f in ROOT.glob("plugins/*/README.md")]
    found |= {f"plugins/{name}/README.md": f"platforms/{name}.md" for name in plugins}
    uses = [f.parent.name for f in ROOT.glob("usecases/*/README.md")]
    return found | {f"usecases/{name}/README.md": f"use-cases/{name}.md" for name in uses}


def navigation(pages: set[str]) -> list[dict[str, list[str]]]:
    """The sections with those of their pages that there are."""
    made, left = [], set(pages)
    for title, patterns in SECTIONS:
        chosen: list[str] = []
        for pattern in patterns:
            fitting = sorted(
                page for page in left if Path(page).match(pattern) and page.count("/") == pattern.count("/")
            )
            chosen += fitting
            left -= set(fitting)
        if chosen:
            made.append({title: chosen})
    return made


def as_page(file: str, text: str, pages: dict[str, str]) -> str:
    """The text of a file as its page, with its links led to where the pages are."""
    parts = _FENCE.split(text)
    return "".join(
        part if number % 2 else _LINK.sub(lambda m: _link(file, m, pages), part) for number, part in enumerate(parts)
    )


def _link(file: str, found: re.Match[str], pages: dict[str, str]) -> str:
    words, target = found[1], found[2]
    if re.match(r"[a-z]+:|#", target):
        return found[0]
    path, _, place = target.partition("#")
    led = posixpath.normpath(posixpath.join(posixpath.dirname(file), path))
    led = f"{led}/README.md" if f"{led}/README.md" in pages else led
    if led in pages:
        to = posixpath.relpath(pages[led], posixpath.dirname(pages[file]) or ".")
        return f"[{words}]({to}{'#' if place else ''}{place})"
    if not (ROOT / led).exists():
        return found[0]  # mkdocs says that it leads nowhere
    return words if led in words else f"{words} (`{led}`)"


def on_config(config: Any) -> Any:
    """What mkdocs asks first: the navigation is that of the files that there are."""
    config["nav"] = navigation(set(sources().values()))
    return config


def on_files(files: Any, config: Any) -> Any:
    """Beside the files below `docs` those that lie elsewhere."""
    made_as = import_module("mkdocs.structure.files").File.generated
    pages = sources()
    below = set(files.src_uris)
    for file, made in pages.items():
        if not file.startswith("docs/") and made not in below:
            text = as_page(file, (ROOT / file).read_text(encoding="utf-8"), pages)
            files.append(made_as(config, made, content=text))
    files.append(made_as(config, "assets/mermaid.min.js", abs_src_path=str(MERMAID)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """The links of what lies below `docs`."""
    pages, file = sources(), f"docs/{page.file.src_uri}"
    return markdown if page.file.generated_by else as_page(file, markdown, pages)
