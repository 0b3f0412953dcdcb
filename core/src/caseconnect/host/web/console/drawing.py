"""Templates and static files of the console."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from caseconnect.host.web.console.asking import Page, Shown
from caseconnect.host.web.console.guard import Caller
from caseconnect.host.web.console.pages.showing import WORDS, moment
from caseconnect.host.web.console.people import Role

HERE = Path(__file__).parent
_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}


@cache
def files() -> Mapping[str, bytes]:
    """The static files, by name."""
    return {path.name: path.read_bytes() for path in (HERE / "static").glob("*") if path.suffix in _KINDS}


@cache
def environment() -> Environment:
    """One for all, so that a template is compiled once. All escape, and a value that is not there is an error."""
    loader = FileSystemLoader(HERE / "templates")
    made = Environment(autoescape=True, undefined=StrictUndefined, loader=loader, trim_blocks=True, lstrip_blocks=True)
    made.globals |= WORDS
    marks = {name: sha256(content).hexdigest()[:12] for name, content in files().items()}
    made.globals["static"] = lambda name: f"/static/{name}?v={marks[name]}"
    return made


class Drawer:
    """Draws pages, with what stands around each."""

    def __init__(self, pages: Sequence[Page], now: Callable[[], datetime]) -> None:
        self._menu = [page for page in pages if page.menu]
        self._now = now

    def draw(self, request: Request, shown: Shown, caller: Caller | None) -> Response:
        """The page as HTML."""
        now = self._now()
        person, session = (caller.person, caller.session) if caller else (None, None)
        around: Mapping[str, object] = {
            "person": person,
            "csrf": session.csrf if session else "",
            "menu": [page for page in self._menu if person and person.may(page.role)],
            "path": request.url.path,
            "title": shown.title,
            "may": lambda role: bool(person and person.may(role)),
            "Role": Role,
            "moment": lambda at: moment(at, now),
        }
        text = environment().get_template(shown.template).render({**around, **shown.values})
        return HTMLResponse(text, shown.status)

    @staticmethod
    def file(name: str) -> Response | None:
        """A static file, by its name alone."""
        content = files().get(name)
        return None if content is None else Response(content, media_type=_KINDS[Path(name).suffix])
