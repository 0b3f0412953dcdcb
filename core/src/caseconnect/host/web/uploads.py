"""The page by which a shopper adds files to a case: plain HTML, no script, no cookie, nothing of the case on it.

The link itself is the permission. What is sent is stored whole, as any delivery; the plugin reads it later.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime

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

    One that was good and is over gives 404 in the tenant's words.
    """

    def __init__(self, hooks: Hooks, now: Callable[[], datetime]) -> None:
        self._hooks, self._now = hooks, now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Show the page, or take what was sent."""
        opened = self._opened(scope)
        if opened is None:
            await _show(send, 404, _OURS, _OURS.over)
            return
        hook, link = opened
        page = hook.webhook.page or _OURS
        if link.over(self._now()):
            await _show(send, 404, page, page.over)
        elif scope["method"] in {"GET", "HEAD"}:
            await _show(send, 200, page, "")
        else:
            await self._take(hook, link, page, scope, receive, send)

    async def _take(
        self, hook: Hook, link: links.Link, page: UploadPage, scope: Scope, receive: Receive, send: Send
    ) -> None:
        async def keep(headers: Mapping[str, str], body: bytes) -> None:
            now: datetime = self._now()
            name = hashlib.sha256(link.reference.encode() + b"\0" + body).hexdigest()
            kept = {"Content-Type": headers.get("content-type", ""), "Connect-Reference": link.reference}
            await self._hooks.store(NewDelivery(hook.tenant, hook.connection, PURPOSE, name, now, body, kept))

        try:
            await self._hooks.take(scope, receive, ("up", hook.tenant, hook.connection), keep)
        except Answer as answer:
            await _show(send, answer.status, page, _SAID.get(answer.status, "Please try again later."))
            return
        await _show(send, 200, page, page.thanks)

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


_SAID = {413: "The files are too large.", 408: "That took too long.", 405: "This is not possible here."}


async def _show(send: Send, status: int, page: UploadPage, said: str) -> None:
    body = _HTML.get_template("page").render(page=page, said=said, style=_STYLE).encode()
    headers = [*_HEADERS, (b"content-length", str(len(body)).encode())]
    if status in {408, 413}:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
