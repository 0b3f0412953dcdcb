"""The page by which a shopper adds files to a case: plain HTML, no script, no cookie, nothing of the case on it.

The link itself is the permission. What is sent is stored whole, as any delivery; the plugin reads it later.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from email.message import Message

from jinja2 import DictLoader, Environment

from caseconnect.host.journal.records import NewDelivery
from caseconnect.host.web.hooks import Answer, Hook, Hooks, Receive, Scope, Send
from caseconnect.sdk import links
from caseconnect.sdk.components import UploadPage
from caseconnect.sdk.errors import ConfigError

PURPOSE = "upload"

_STYLE = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "label{display:block;margin:1rem 0 .3rem}textarea,input,button{font:inherit;max-width:100%}textarea{width:100%}"
    "button{margin-top:1.5rem;padding:.5rem 1.5rem}"
)
_PAGE = """<!doctype html>
<html lang="{{ page.language }}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{ page.title }}</title>
<style>{{ style | safe }}</style></head>
<body><main><h1>{{ page.title }}</h1>
{% if said %}<p role="status">{{ said }}</p>{% else %}<p>{{ page.lead }}</p>
<form method="post" enctype="multipart/form-data">
<label for="files">{{ page.files }}</label>
<input id="files" name="files" type="file" multiple accept="{{ page.accept | join(',') }}">
<label for="text">{{ page.message }}</label>
<textarea id="text" name="text" rows="5" maxlength="5000"></textarea>
<p><button>{{ page.button }}</button></p>
</form>{% endif %}
</main></body></html>
"""
_HTML = Environment(autoescape=True, loader=DictLoader({"page": _PAGE}))
_OURS = UploadPage()
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-robots-tag", b"noindex"),
    (
        b"content-security-policy",
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'".encode(),
    ),
)


class Uploads:
    """`/up/{tenant}/{connection}/{token}`. A link that was forged and one of nobody give one answer: 404, in our words.

    One that was good and is over, by its time or its uses, gives 404 in the tenant's words. `delivered` gives the ids
    of a tenant's connection that begin with a word: how much has come by a link is read from them.
    """

    def __init__(
        self, hooks: Hooks, now: Callable[[], datetime], delivered: Callable[[str, str, str], Sequence[str]]
    ) -> None:
        self._hooks, self._now, self._delivered = hooks, now, delivered
        self._storing = asyncio.Lock()  # so that what is counted is all that came before

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Show the page, or take what was sent."""
        opened = self._opened(scope)
        if opened is None:
            await _show(send, 404, _OURS, _OURS.over)
            return
        hook, link = opened
        page = hook.webhook.page or _OURS
        if link.over(self._now()) or _too_much(page, *self._sent(hook, link), (1, 0, 0)):
            await _show(send, 404, page, page.over)
        elif scope["method"] in {"GET", "HEAD"}:
            await _show(send, 200, page, "")
        else:
            await self._take(hook, link, page, scope, receive, send)

    async def _take(
        self, hook: Hook, link: links.Link, page: UploadPage, scope: Scope, receive: Receive, send: Send
    ) -> None:
        async def keep(headers: Mapping[str, str], body: bytes) -> None:
            kind = headers.get("content-type", "")
            more = (1, _files(kind, body), len(body))
            name = f"{'-'.join(_words(link))}-{more[1]}-{more[2]}-{_word(body)}"
            kept = {"Content-Type": kind, "Connect-Reference": link.reference}
            new = NewDelivery(hook.tenant, hook.connection, PURPOSE, name, self._now(), body, kept)
            async with self._storing:
                here, all_ = self._sent(hook, link)
                if name not in all_ and _too_much(page, here, all_, more):
                    raise Answer(413, page.full)
                await self._hooks.store(new)

        try:
            await self._hooks.take(scope, receive, ("up", hook.tenant, hook.connection), keep)
        except Answer as answer:
            await _show(send, answer.status, page, answer.text or _SAID.get(answer.status, "Please try again later."))
            return
        await _show(send, 200, page, page.thanks)

    def _sent(self, hook: Hook, link: links.Link) -> tuple[list[str], Sequence[str]]:
        """The ids of what came by this link, and by all links of its reference."""
        reference, own = _words(link)
        found = self._delivered(hook.tenant, hook.connection, reference)
        return [name for name in found if name.split("-")[1] == own], found

    def _opened(self, scope: Scope) -> tuple[Hook, links.Link] | None:
        """The hook and what its link says; None unless the hook made it."""
        parts = str(scope["path"]).split("/")
        hook = self._hooks.registry.get(("up", parts[2], parts[3])) if len(parts) == 5 else None
        try:
            secrets = [secret.decode() for secret in hook.secrets()] if hook else []
        except ConfigError:
            return None
        link = links.signed(secrets, PURPOSE, parts[-1])
        return (hook, link) if hook and link else None


def _too_much(page: UploadPage, here: Sequence[str], all_: Sequence[str], more: tuple[int, int, int]) -> bool:
    """`more` uses, files and bytes would pass a limit of the link, or of all links of its reference."""
    limits = (page.max_uses, page.max_files, page.max_size)
    for names, times in ((here, 1), (all_, _LINKS)):
        counts = [name.split("-")[2:4] for name in names]
        sent = (len(names), sum(int(files) for files, _ in counts), sum(int(size) for _, size in counts))
        if any(was + new > times * limit for was, new, limit in zip(sent, more, limits, strict=True)):
            return True
    return False


def _words(link: links.Link) -> tuple[str, str]:
    """With what the ids of its deliveries begin: a word for the reference and one for the link itself."""
    return _word(link.reference.encode()), _word(str(link.expires_at).encode())


def _word(of: bytes) -> str:
    return hashlib.sha256(of).hexdigest()[:32]


def _files(content_type: str, body: bytes) -> int:
    """How many files a form has: its parts but the message (RFC 7578). Its content is left to the plugin."""
    head = Message()
    head["content-type"] = content_type
    boundary = head.get_boundary() or ""
    return max(body.count(b"\r\n--" + boundary.encode("latin-1", "replace")) - 1, 0) if boundary else 0


_LINKS = 5  # as many full links as one reference takes; a matter asks more than once
_SAID = {413: "The files are too large.", 408: "That took too long.", 405: "This is not possible here."}


async def _show(send: Send, status: int, page: UploadPage, said: str) -> None:
    body = _HTML.get_template("page").render(page=page, said=said, style=_STYLE).encode()
    headers = [*_HEADERS, (b"content-length", str(len(body)).encode())]
    if status in {408, 413}:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
