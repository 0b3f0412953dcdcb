"""The mailbox: new mails by IMAP4rev1 (RFC 3501), read only; each becomes an event, or is ignored for a reason."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from typing import Any, TypeVar

import orjson
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError

from caseconnect.models import CustomerReply, Document, Record
from caseconnect.sdk import links
from caseconnect.sdk.components import Check, Pacing, SourceSpec
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.deliveries import Delivery, Ignored, Page, Parsed, Polled
from caseconnect.sdk.errors import AuthError, ConfigError, PermanentError, TransientError
from caseconnect.sdk.events import ItemEvent
from caseconnect.sdk.order_names import named
from caseconnect.sdk.resources import Resources
from caseconnect.sdk.subjects import Subject

from . import bodies
from .config_mail import EXAMPLE, ImapSettings, MailSettings
from .kinds import KINDS
from .mails import THREAD, UPLOAD, Mail, read
from .source import ROOTS

T = TypeVar("T")

_MAIL = "mail"
_PAGE = 20
_HELD = 32 * 1024 * 1024  # bytes of mails in memory at once
_SECONDS = 30.0
_FORGED = (
    "[Sender not verified: {} says that this mail fails DMARC, so somebody else may have written it. The order's"
    " history is not attached.]\n\n"
)


_SEARCHED = 20_000  # characters of a mail in which the number of an order is looked for


@dataclass(frozen=True)
class Cursor:
    """Up to which UID of which UIDVALIDITY was read."""

    validity: int
    uid: int


class MailSource:
    """Reads one folder. Mails stay where they are and as they are."""

    def __init__(self, settings: MailSettings, resources: Resources) -> None:
        self._settings, self._resources = settings, resources
        self._rules = settings.rules()

    async def check(self) -> Sequence[Check]:
        """Sign in and open the folder."""
        if self._settings.imap is None:
            return (Check(step="mailbox", ok=True, note="none is read"),)
        at = await self._run(self._begin, self._settings.imap)
        return (
            Check(step="mailbox", ok=True, note=f"{self._settings.imap.folder}: {at.uid} is the newest mail's UID"),
        )

    async def read(self, cursor: str | None, watch: Sequence[str]) -> Page:
        """The next mails after the cursor, in order of their UIDs; none of what was there before."""
        imap = self._settings.imap
        if imap is None:
            return Page(items=(), cursor=cursor or "")
        if not cursor:
            return Page(items=(), cursor=_dump(await self._run(self._begin, imap)))
        at = Cursor(**orjson.loads(cursor))
        items, after, more = await self._run(partial(self._new, at), imap)
        return Page(items=items, cursor=_dump(after), more=more)

    def parse(self, delivery: Delivery) -> Parsed | Ignored:
        """A mail as an event: the answer to one of ours, else what the settings say a mail is."""
        if delivery.topic == UPLOAD:
            return self._uploaded(delivery)
        if delivery.topic != _MAIL:
            return Ignored(reason=f"{delivery.topic[:60]!r} is neither a mail nor an upload")
        mail = read(delivery.body, self._rules)
        if mail.automatic:
            return Ignored(reason=mail.automatic)
        if not mail.sender:
            return Ignored(reason="it has no sender")
        if mail.sender in {a.lower() for a in self._settings.ignore_from}:
            return Ignored(reason="its sender is in ignore_from")
        return Parsed(events=(self._event(delivery, mail),))

    async def root(self, alias: Subject) -> Subject | None:
        """A mail stands alone unless its order or matter is known."""
        return alias if alias.kind in ROOTS else None

    async def fetch(self, need: Need) -> Record:
        """Nothing: mails bring everything along."""
        raise PermanentError(f"{need.subject.connection} supplies only what its mails told")

    def _uploaded(self, delivery: Delivery) -> Parsed | Ignored:
        """What came through an upload link: files for the matter that the link names."""
        sent = bodies.read(delivery.body, delivery.headers.get("Content-Type", ""))
        files = tuple(self._rules.take(f.name, f.media_type, f.content) for f in sent.files if f.content or f.name)
        text = str(sent.data.get("text", "")).strip()
        if not files and not text:
            return Ignored(reason="the form was sent empty")
        kind = KINDS["customer_reply"]
        reference = delivery.headers.get("Connect-Reference", "")
        item = Subject(delivery.connection, kind.fact, delivery.delivery_id)
        record = CustomerReply(
            id=delivery.delivery_id, text=text, files=files, reference=reference, created_at=delivery.received_at
        )
        return Parsed(events=(kind.happened((item,), delivery.received_at, item, record),))

    def _event(self, delivery: Delivery, mail: Mail) -> ItemEvent:
        reference = self._reference(mail)
        kind = KINDS["customer_reply" if reference else self._settings.kind]
        number = self._number(mail)
        trusted = self._settings.trusted_authserv
        forged = bool(trusted) and mail.forged(trusted)
        text = f"{_FORGED.format(trusted) if forged else ''}{mail.subject}\n\n{mail.text}".strip()
        record: dict[str, Any] = {
            "id": delivery.delivery_id,
            "order_number": number,
            "email": mail.sender,
            "name": mail.name or None,
            "text": text,
            "note": text,
            "subject": mail.subject,
            "created_at": mail.date or delivery.received_at,
            "files": mail.files,
            "kind": "other",
            "reference": reference,
        }
        known = {name: value for name, value in record.items() if name in kind.record.model_fields}
        item = Subject(delivery.connection, kind.fact, delivery.delivery_id)
        orders = None if forged else self._settings.orders
        order = named(orders, number, mail.sender) if number and orders else None
        names = (order, item) if order else (item,)
        made = kind.record.model_validate(known)
        return kind.happened(names, mail.date or delivery.received_at, item, made)

    def _reference(self, mail: Mail) -> str | None:
        """The matter of the message of ours that is answered."""
        kept = (self._settings.link_secret, self._settings.previous_link_secret)
        secrets = [self._resources.secrets.reveal(s) for s in kept if s]
        for answered in mail.answers:
            token = answered.strip("<>").partition("@")[0]
            if link := links.read(secrets, THREAD, token, self._resources.now()):
                return link.reference
        return None

    def _number(self, mail: Mail) -> str | None:
        match = re.search(self._settings.order_pattern, f"{mail.subject}\n{mail.text}"[:_SEARCHED], re.IGNORECASE)
        return next((group for group in match.groups() if group), None) if match else None

    async def _run(self, work: Callable[[IMAPClient], T], imap: ImapSettings) -> T:
        """One visit to the server, in a thread: the library is synchronous."""
        password = self._resources.secrets.reveal(imap.password) if imap.password else ""

        def visit() -> T:
            with _opened(imap) as client:
                if imap.username:
                    client.login(imap.username, password)
                return work(client)

        try:
            return await asyncio.to_thread(visit)
        except LoginError:
            raise AuthError(f"{imap.host} refuses user and password") from None
        except (IMAPClientError, OSError) as error:
            raise TransientError(f"{imap.host} cannot be read: {type(error).__name__}") from None

    def _begin(self, client: IMAPClient) -> Cursor:
        found = self._select(client)
        return Cursor(int(found[b"UIDVALIDITY"]), int(found[b"UIDNEXT"]) - 1)

    def _select(self, client: IMAPClient) -> dict[bytes, int]:
        imap = self._settings.imap
        if imap is None:
            raise ConfigError("there is no mailbox", where="imap")
        found: dict[bytes, int] = client.select_folder(imap.folder, readonly=True)
        return found

    def _new(self, at: Cursor, client: IMAPClient) -> tuple[tuple[Polled, ...], Cursor, bool]:
        found = self._select(client)
        validity = int(found[b"UIDVALIDITY"])
        # Another UIDVALIDITY: all UIDs are new, so everything is read again; what is known is stored once.
        last = at.uid if validity == at.validity else 0
        uids = sorted(uid for uid in client.search(["UID", f"{last + 1}:*"]) if uid > last)
        page = uids[:_PAGE]
        sizes = client.fetch(page, ["RFC822.SIZE"]) if page else {}
        items = []
        held = 0
        for place, uid in enumerate(page):
            size = int(sizes[uid][b"RFC822.SIZE"])
            held += min(size, self._settings.mail_size)
            if place and held > _HELD:
                page = page[:place]
                break
            whole = size <= self._settings.mail_size
            part = "BODY.PEEK[]" if whole else "BODY.PEEK[HEADER]"
            answer = client.fetch([uid], [part])[uid]
            body = next(v for k, v in answer.items() if k.startswith(b"BODY"))
            name = sha256(body).hexdigest()[:32]
            items.append(Polled(kind=_MAIL, id=name, version="1", body=body))
        return tuple(items), Cursor(validity, page[-1] if page else last), len(uids) > len(page)


def _opened(imap: ImapSettings) -> IMAPClient:
    tls = imap.security == "tls"
    port = imap.port or (993 if tls else 143)
    client = IMAPClient(imap.host, port=port, ssl=tls, timeout=_SECONDS, use_uid=True)
    if imap.security == "starttls":
        client.starttls(ssl.create_default_context())
    return client


def _dump(at: Cursor) -> str:
    return orjson.dumps(asdict(at)).decode()


def _account(settings: MailSettings) -> str:
    server = settings.imap or settings.smtp
    return f"{server.username}@{server.host}" if server else "mail"


MAIL_SOURCE = SourceSpec(
    name="mail",
    summary="Mails of shoppers by IMAP: complaints, and answers to our own messages.",
    settings=MailSettings,
    example=EXAMPLE,
    build=MailSource,
    account=_account,
    emits=frozenset(kind.event for kind in KINDS.values()),
    facts={"document": Document},
    tells=ROOTS,
    roots=ROOTS,
    pacing=Pacing(rate=5, burst=10),
)
