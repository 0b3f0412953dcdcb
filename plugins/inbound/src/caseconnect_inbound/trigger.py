"""What wakes the sources: requests to `/in/{tenant}/{kind}`, and a look into the mailbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from caseconnect.sdk import standard_webhooks
from caseconnect.sdk.components import Every, Listener, TriggerSpec, UploadPage, Webhook

from .config import EXAMPLE, InboundSettings
from .config_mail import EXAMPLE as MAIL_EXAMPLE
from .config_mail import MailSettings


def wakes(settings: InboundSettings) -> Sequence[Webhook | Every | Listener]:
    """One webhook for all kinds of the connection."""
    secrets = ("secret", "previous_secret") if settings.previous_secret else ("secret",)
    standard = settings.scheme == "standard-webhooks"
    return (
        Webhook(
            signature_header=standard_webhooks.SIGNATURE if standard else settings.header,
            secrets=secrets,
            id_header=standard_webhooks.ID if standard else settings.id_header,
            keep_headers=("Content-Type",),
            scheme=settings.scheme,
            prefix=settings.prefix,
            kinds=tuple(settings.kinds),
            id_required=("approval_request",),
        ),
    )


def mail_wakes(settings: MailSettings) -> Sequence[Webhook | Every | Listener]:
    """A look every minute if there is a mailbox, and the page for files if there is one."""
    found: list[Webhook | Every | Listener] = []
    if settings.imap:
        found.append(Every(timedelta(minutes=1), jitter=timedelta(seconds=5)))
    if settings.upload:
        names = ("link_secret", "previous_link_secret")
        secrets = tuple(name for name in names if getattr(settings, name))
        upload = settings.upload
        page = UploadPage(
            **upload.page.model_dump(),
            accept=settings.file_types,
            max_files=upload.files,
            max_size=upload.size,
            max_uses=upload.uses,
        )
        found.append(Webhook("", secrets, scheme="link", page=page))
    return found


TRIGGER = TriggerSpec(
    name="inbound",
    summary="Requests to /in/{tenant}/{kind}, signed or with a secret header.",
    settings=InboundSettings,
    example=EXAMPLE,
    wakes=wakes,
)

MAIL_TRIGGER = TriggerSpec(
    name="mail",
    summary="A look into the mailbox every minute, and the page for shoppers' files.",
    settings=MailSettings,
    example=MAIL_EXAMPLE,
    wakes=mail_wakes,
)
