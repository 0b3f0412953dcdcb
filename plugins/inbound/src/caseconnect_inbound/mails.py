"""One mail: who wrote what, to which of our messages, with which files."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr

import nh3

from caseconnect.models import File

from .files import FileRules

THREAD = "thread"
"""Purpose of the token in our Message-IDs."""

UPLOAD = "upload"
"""Purpose of the token in upload links, and topic of what comes through them."""

_LONGEST = 20_000
_LONGEST_HTML = 500_000
_LINES = ("br", "div", "h1", "h2", "h3", "li", "p", "td", "tr")
_UNSEEN = {"head", "script", "style", "title"}
_FAILED = re.compile(r";\s*dmarc\s*(?:/\s*\d+\s*)?=\s*fail\b")
_TAG = re.compile(r"<[^<>]*>")
_BOUNDARY = re.compile(rb"boundary\s*=", re.IGNORECASE)
_WORK = 2_000_000  # lines times open boundaries: beyond it the standard parser takes seconds


@dataclass(frozen=True)
class Mail:
    """A mail as far as it matters. `answers` are the ids of the messages that it refers to, nearest first; `verdicts`
    what mail servers found out about it, topmost first.
    """

    message_id: str
    sender: str
    name: str
    subject: str
    text: str
    date: datetime | None
    answers: tuple[str, ...]
    automatic: str
    files: tuple[File, ...]
    verdicts: tuple[str, ...] = ()

    def forged(self, trusted: str) -> bool:
        """The server of that name says that DMARC failed, in the topmost field that it wrote (RFC 8601).

        What stands below it may have come with the mail.
        """
        ours = next((v for v in self.verdicts if re.split(r"[\s;(]", v, maxsplit=1)[0] == trusted.lower()), "")
        # Comments and quotes are not taken out first: what a stranger put into them could hide the verdict.
        return _FAILED.search(ours) is not None


def read(raw: bytes, rules: FileRules) -> Mail:
    """Read a mail as it came (RFC 5322). Whatever is broken in it is left out; it never raises for odd mail.

    Of one whose parts are nested or many beyond all measure only the head is read.
    """
    boundaries = len(_BOUNDARY.findall(raw))
    if raw.count(b"\n") * (1 + boundaries) > _WORK:
        raw = raw[: raw.find(b"\n\n") if b"\n\n" in raw else raw.find(b"\r\n\r\n")][:_LONGEST]
    message = message_from_bytes(raw, EmailMessage, policy=default)
    name, sender = parseaddr(_header(message, "from"))
    return Mail(
        message_id=_header(message, "message-id").strip(),
        sender=sender.strip().lower(),
        name=name,
        subject=_header(message, "subject"),
        text=_text(message)[:_LONGEST],
        date=_date(message),
        answers=_answers(message),
        automatic=_automatic(message),
        files=tuple(_files(message, rules)),
        verdicts=_verdicts(message),
    )


def _header(message: EmailMessage, name: str) -> str:
    try:
        return str(message.get(name, "") or "")
    except (ValueError, IndexError, AttributeError):  # the standard library's parser breaks on some odd headers
        return ""


def _date(message: EmailMessage) -> datetime | None:
    try:
        found = message["date"].datetime if message["date"] else None
    except (ValueError, AttributeError, TypeError):
        return None
    return found if found and found.tzinfo else None


def _answers(message: EmailMessage) -> tuple[str, ...]:
    ids = [*_header(message, "in-reply-to").split(), *reversed(_header(message, "references").split())]
    return tuple(dict.fromkeys(i for i in ids if i.startswith("<")))


def _verdicts(message: EmailMessage) -> tuple[str, ...]:
    found = (value for name, value in message.raw_items() if name.lower() == "authentication-results")
    return tuple(" ".join(str(value).lower().split()) for value in found)


def _automatic(message: EmailMessage) -> str:
    """Why the mail is no person's (RFC 3834, bounces, lists); empty if it is."""
    if _header(message, "auto-submitted").strip().lower() not in {"", "no"}:
        return "it was sent automatically (Auto-Submitted)"
    if message.get_content_type() == "multipart/report":
        return "it is a delivery report"
    if _header(message, "return-path").strip() == "<>":
        return "it is a bounce (empty Return-Path)"
    if _header(message, "precedence").strip().lower() in {"bulk", "junk", "list", "auto_reply"} or message["list-id"]:
        return "it is bulk mail"
    return ""


def _text(message: EmailMessage) -> str:
    try:
        body = message.get_body(preferencelist=("plain", "html"))
        content = body.get_content() if body is not None else ""
    except (LookupError, ValueError, AttributeError, KeyError):
        return ""
    text = content if isinstance(content, str) else ""
    if body is not None and body.get_content_subtype() == "html":
        text = _of_html(text[:_LONGEST_HTML])
    return text.replace("\r\n", "\n").strip()


def _of_html(text: str) -> str:
    """The text of a page of a stranger's. nh3 takes time in proportion to its length, whatever is in it."""
    kept = nh3.clean(text, tags=set(_LINES), attributes={}, clean_content_tags=_UNSEEN)
    plain = html.unescape(_TAG.sub("\n", kept))
    return "\n".join(line for each in plain.splitlines() if (line := " ".join(each.split())))


def _files(message: EmailMessage, rules: FileRules) -> list[File]:
    found = []
    for part in message.iter_attachments():
        content = part.get_payload(decode=True)
        raw = content if isinstance(content, bytes) else b""
        found.append(rules.take(part.get_filename() or "attachment", part.get_content_type(), raw))
    return found
