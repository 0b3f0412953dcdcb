"""Mails to those who run it: text and HTML of the same words, sent by SMTP (RFC 5321)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, parseaddr
from functools import cache
from typing import Any

import aiosmtplib
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from caseconnect.host.alerting.messages import Message
from caseconnect.host.alerting.settings import SmtpPart
from caseconnect.host.journal.notices import Kind
from caseconnect.sdk.errors import AuthError, PermanentError, TransientError
from caseconnect.sdk.resources import Log
from caseconnect.sdk.secrets import Secrets

_SECONDS = 20.0
_LONGEST_SUBJECT = 160


@dataclass(frozen=True)
class Mail:
    """A mail without its envelope."""

    subject: str
    text: str
    html: str


class MailServer:
    """Sends through one server, a line for each mail."""

    def __init__(self, settings: SmtpPart, secrets: Secrets, log: Log) -> None:
        self._settings, self._secrets, self._log = settings, secrets, log

    async def send(self, mail: Mail, to: Sequence[str], name: str, now: datetime) -> None:
        """One mail to all of `to`; `name` makes its Message-ID, so that a copy can be known as one.

        `TransientError` also when the server's answer to the text was lost: better twice than not at all.
        """
        settings, message = self._settings, EmailMessage(policy=SMTP_POLICY)
        sender = parseaddr(settings.sender)[1]
        message["From"], message["To"] = settings.sender, ", ".join(to)
        message["Subject"] = mail.subject[:_LONGEST_SUBJECT]
        message["Message-ID"] = f"<{name}@{sender.rpartition('@')[2]}>"
        message["Date"] = format_datetime(now)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text)
        message.add_alternative(mail.html, subtype="html")
        tls = settings.security == "tls"
        client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port or (465 if tls else 587),
            use_tls=tls,
            start_tls=settings.security == "starttls",
            timeout=_SECONDS,
        )
        password = self._secrets.reveal(settings.password) if settings.password else ""
        try:
            await client.connect()
            if settings.username:
                await client.login(settings.username, password)
            refused, _ = await client.sendmail(sender, [parseaddr(one)[1] for one in to], message.as_bytes())
        except aiosmtplib.SMTPAuthenticationError as error:
            raise AuthError(f"{settings.host} refuses user and password ({error.code})") from None
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = ", ".join(sorted({str(one.code) for one in error.recipients}))
            raise PermanentError(f"{settings.host} refuses every address of `to` ({codes})") from None
        except aiosmtplib.SMTPResponseException as error:
            # Not the server's words: they may quote an address.
            raise TransientError(f"{settings.host} does not take the mail ({error.code})") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise TransientError(f"{settings.host} cannot be reached: {type(error).__name__}") from None
        finally:
            client.close()
        if refused:
            codes = ", ".join(sorted({str(one.code) for one in refused.values()}))
            why = f"{settings.host} refuses {len(refused)} of {len(to)} addresses of `to` ({codes}); the others have it"
            self._log.warning("mail not taken for all", why=why)


class MailWay:
    """All that is due in one mail."""

    together = True

    def __init__(self, to: Sequence[str], apart: timedelta, server: MailServer) -> None:
        self._to, self.apart, self._server = to, apart, server

    async def send(self, messages: Sequence[Message], now: datetime) -> None:
        """One mail to all."""
        await self._server.send(alert_mail(messages), self._to, messages[0].id, now)

    async def close(self) -> None:
        """Nothing is kept open."""


def alert_mail(messages: Sequence[Message]) -> Mail:
    """All that is to be told, in one mail; what is worst comes first."""
    ordered = sorted(messages, key=lambda m: (m.kind == "closed", _WORST.index(m.severity), m.first_at))
    return Mail(_subject(ordered), *rendered("alerts", messages=ordered))


_WORST = ("critical", "warning", "info")
_SAID: Mapping[Kind, str] = {"opened": "new", "repeated": "still open", "closed": "closed"}


def _subject(messages: Sequence[Message]) -> str:
    first = messages[0]
    if len(messages) == 1:
        whose = f"{first.tenant}: " if first.tenant else ""
        return f"[Connect] {_SAID[first.kind]}, {first.severity}: {whose}{first.what}"
    kinds = Counter(message.kind for message in messages)
    counts = ", ".join(f"{kinds[kind]} {said}" for kind, said in _SAID.items() if kinds[kind])
    return f"[Connect] {counts}; {first.severity}: {first.what}"


def rendered(name: str, **values: Any) -> tuple[str, str]:
    """(text, HTML) of a template."""
    values |= {"said": _SAID}
    return tuple(_templates().get_template(f"{name}.{kind}").render(values) for kind in ("txt", "html"))  # type: ignore[return-value] # two


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("caseconnect.host.alerting", "mails"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
