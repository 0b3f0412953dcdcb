"""Messages to shoppers by SMTP (RFC 5321). One mail, one recipient; never sent again when in doubt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, parseaddr
from hashlib import sha256

import aiosmtplib

from caseconnect.sdk import links
from caseconnect.sdk.commands import Command, NotifyCustomer
from caseconnect.sdk.components import Check, Outcome, Repeat, Sighting, SinkSpec
from caseconnect.sdk.errors import AuthError, ConfigError, PermanentError, TransientError, UnknownOutcome
from caseconnect.sdk.resources import Resources

from .config_mail import EXAMPLE, MailSettings, SmtpSettings
from .mails import THREAD, UPLOAD
from .templates import UnfilledError, fill, language

_SECONDS = 20.0


class MailSink:
    """Sends by one server. A server answers every mail; if the answer to the text is lost, nobody can look it up."""

    def __init__(self, settings: MailSettings, resources: Resources) -> None:
        self._settings, self._resources = settings, resources

    async def check(self) -> Sequence[Check]:
        """Connect and sign in; nothing is sent."""
        if self._settings.smtp is None:
            return (Check(step="send", ok=True, note="nothing is sent: no smtp in the settings"),)
        async with _Line(self._settings.smtp, self._resources):
            return (Check(step="send", ok=True, note=f"{self._settings.smtp.host} takes our mails"),)

    async def execute(self, command: Command, key: str) -> Outcome:
        """Send one message."""
        if not isinstance(command, NotifyCustomer):
            raise PermanentError(f"mail does not carry out {command.kind}")
        if self._settings.smtp is None:
            raise ConfigError("nothing can be sent: there is no smtp in the settings", where="smtp")
        message = self._message(command, key, self._settings.smtp)
        async with _Line(self._settings.smtp, self._resources) as line:
            await line.send(message)
        return Outcome(state="done", note=f"{command.template} sent", data={"message_id": str(message["Message-ID"])})

    async def verify(self, command: Command, key: str) -> Sighting:
        """Nobody can tell: SMTP has no way to ask."""
        return Sighting(seen=None, note="a mail server cannot be asked what it sent")

    def _message(self, command: NotifyCustomer, key: str, smtp: SmtpSettings) -> EmailMessage:
        template = self._settings.templates.get(command.template)
        if template is None:
            known = ", ".join(self._settings.templates) or "none"
            raise PermanentError(f"there is no template {command.template!r}; there are: {known}")
        _, address = parseaddr(command.email)
        if not address or "@" not in address or address != command.email.strip():
            raise PermanentError("the shopper's address is unknown or is not one address")
        tag = language(template.text, command.locale)
        values = {**command.values, **self._links(command)}
        message = EmailMessage(policy=SMTP_POLICY)
        try:
            message["From"], message["To"] = smtp.sender, address
            message["Subject"] = " ".join(fill(template.subject[tag], values).split())
            message.set_content(fill(template.text[tag], values))
        except UnfilledError as error:
            raise PermanentError(f"template {command.template}: {error}") from None
        except ValueError:
            raise PermanentError("the shopper's address cannot be written into a mail") from None
        message["Message-ID"] = f"<{self._thread(command, key)}@{parseaddr(smtp.sender)[1].partition('@')[2]}>"
        message["Date"] = format_datetime(self._resources.now())
        message["Content-Language"] = tag
        message["Auto-Submitted"] = "auto-generated"
        return message

    def _links(self, command: NotifyCustomer) -> dict[str, str]:
        upload = self._settings.upload
        if not command.upload:
            return {}
        if upload is None or self._settings.link_secret is None:
            raise PermanentError("the message is to hold an upload link, and the settings have no `upload`")
        secret = self._resources.secrets.reveal(self._settings.link_secret)
        until = self._resources.now() + timedelta(days=upload.days)
        token = links.make(secret, UPLOAD, command.reference, until)
        place = f"{self._resources.tenant}/{self._resources.connection}"
        return {"upload_link": f"{upload.address}/up/{place}/{token}", "upload_until": f"{until:%Y-%m-%d}"}

    def _thread(self, command: NotifyCustomer, key: str) -> str:
        """By which an answer is known. The same command has the same, so that two copies are known as one."""
        if self._settings.link_secret is None or not command.reference:
            return sha256(key.encode()).hexdigest()
        secret = self._resources.secrets.reveal(self._settings.link_secret)
        return links.make(secret, THREAD, command.reference)


class _Line:
    """A line to the server, signed in. What goes wrong here comes before the text: surely nothing was sent."""

    def __init__(self, smtp: SmtpSettings, resources: Resources) -> None:
        self._smtp = smtp
        self._password = resources.secrets.reveal(smtp.password) if smtp.password else ""
        tls = smtp.security == "tls"
        self._client = aiosmtplib.SMTP(
            hostname=smtp.host,
            port=smtp.port or (465 if tls else 587),
            use_tls=tls,
            start_tls=smtp.security == "starttls",
            timeout=_SECONDS,
        )

    async def __aenter__(self) -> _Line:
        try:
            await self._client.connect()
            if self._smtp.username:
                await self._client.login(self._smtp.username, self._password)
        except aiosmtplib.SMTPAuthenticationError as error:
            self._client.close()
            if error.code >= 500:
                raise AuthError(f"{self._smtp.host} refuses user and password ({error.code})") from None
            raise TransientError(f"{self._smtp.host} cannot check the password now ({error.code})") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            self._client.close()
            raise TransientError(f"{self._smtp.host} cannot be reached: {type(error).__name__}") from None
        return self

    async def __aexit__(self, *_: object) -> None:
        self._client.close()

    async def send(self, message: EmailMessage) -> None:
        """Hand the mail over. After the text began, only the server's own answer says that it was not taken."""
        begun = False
        try:
            await self._client.mail(parseaddr(str(message["From"]))[1])
            await self._client.rcpt(parseaddr(str(message["To"]))[1])
            begun = True
            await self._client.data(message.as_bytes())
        except aiosmtplib.SMTPResponseException as error:
            # Not the server's words: they may quote the address.
            if error.code >= 500:
                raise PermanentError(f"the mail server refuses it ({error.code})") from None
            raise TransientError(f"the mail server cannot take it now ({error.code})") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            if begun:
                raise UnknownOutcome(f"the mail server's answer was lost ({type(error).__name__})") from None
            raise TransientError(f"the line to the mail server broke ({type(error).__name__})") from None


MAIL_SINK = SinkSpec(
    name="mail",
    summary="Messages to shoppers by SMTP, from templates by language.",
    settings=MailSettings,
    example=EXAMPLE,
    build=MailSink,
    commands={NotifyCustomer: Repeat.PERSON},
    deadline=timedelta(seconds=60),
)
