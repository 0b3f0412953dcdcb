"""The section `alerts:` of the daemon's file: who is told what, and from when on something is a matter for a person."""

from __future__ import annotations

import re
from datetime import time, timedelta
from email.utils import parseaddr
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from caseconnect.host.alerting.causes import SEVERITIES, Severity
from caseconnect.host.tenants.durations import Duration
from caseconnect.host.tenants.file_models import NAME, Part
from caseconnect.host.tenants.schedule import known_zone
from caseconnect.sdk.addresses import checked_url, is_this_machine
from caseconnect.sdk.secrets import Secret

_CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"


def _address(value: str) -> str:
    _, address = parseaddr(value)
    name, _, domain = address.rpartition("@")
    if not name or not domain or not value.isprintable() or "," in value:
        raise ValueError("give one address, such as ops@example.com")
    return value


def _time(value: object) -> time:
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or not re.match(_CLOCK, value):
        raise ValueError("a time of day is written like 07:00")
    return time.fromisoformat(value)


def _url(value: str) -> str:
    return checked_url(value, "url")


Address = Annotated[str, AfterValidator(_address)]
TimeOfDay = Annotated[
    time,
    BeforeValidator(_time),
    PlainSerializer(lambda at: f"{at:%H:%M}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": _CLOCK, "examples": ["07:00"]}),
]


class SmtpPart(Part):
    """The server that sends our mails."""

    host: str = Field(min_length=1, description="The server's name.")
    port: int | None = Field(None, ge=1, le=65_535, description="Its port; default: 587, with `tls` 465.")
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the line is encrypted; none only for a server on this machine."
    )
    username: str = Field("", description="Who signs in; empty: nobody.")
    password: Secret | None = Field(None, description="The password.")
    sender: Address = Field(description="From whom, such as 'Connect <connect@example.com>'.")

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        if self.security == "none" and not is_this_machine(self.host):
            raise ValueError("security none is for a server on this machine only")
        if bool(self.username) != bool(self.password):
            raise ValueError("give username and password, or neither")
        return self


class WebhookPart(Part):
    """A receiver of Standard Webhooks: each alert is one signed request."""

    url: Annotated[str, AfterValidator(_url)] = Field(
        description="Where each alert is posted: https, http only for this machine."
    )
    secret: Secret = Field(description="What requests are signed with: 'whsec_' and base64, or the text itself.")


class MailPart(Part):
    """People who get mails, all of them the same one."""

    to: tuple[Address, ...] = Field(min_length=1, description="Their addresses.")
    apart: Duration = Field(
        timedelta(minutes=1), description="The shortest time between two mails; what comes meanwhile goes together."
    )


class LogPart(Part):
    """A line of the log for each alert that opens, stays open, or closes."""


class ChannelPart(Part):
    """A way to people: one of `webhook`, `mail` and `log`."""

    webhook: WebhookPart | None = Field(None, description="A receiver of Standard Webhooks.")
    mail: MailPart | None = Field(None, description="Mails, sent by the server of `smtp`.")
    log: LogPart | None = Field(None, description="The daemon's log: `{}`.")
    tenants: tuple[str, ...] | None = Field(
        None, min_length=1, description="Only these tenants' alerts; default: all, and those of the daemon itself."
    )
    severities: tuple[Severity, ...] = Field(
        SEVERITIES, min_length=1, description="Only alerts that are so bad; the runbooks say which is."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(way is not None for way in (self.webhook, self.mail, self.log)) != 1:
            raise ValueError("give one of webhook, mail and log")
        return self


class DailyPart(Part):
    """A mail a day: what came, what was done, what waits."""

    to: tuple[Address, ...] = Field(min_length=1, description="Who gets it.")
    at: TimeOfDay = Field(time(7), description="When; it tells of the 24 hours before.")
    zone: Annotated[str, AfterValidator(known_zone)] = Field(
        "UTC", description="Time zone of `at`, such as Europe/Berlin."
    )

    @property
    def tz(self) -> ZoneInfo:
        """The zone itself."""
        return ZoneInfo(self.zone)


class WatchPart(Part):
    """From when on something that lasts is an alert."""

    poll_late: Duration = Field(
        timedelta(minutes=15),
        description="So long after its time a poll that has not begun is late; at least an interval.",
    )
    oldest_command: Duration = Field(
        timedelta(hours=1), description="So long a command may be open that nobody keeps back."
    )
    unknown_money: Duration = Field(
        timedelta(minutes=15), description="So long it may be unknown whether money went out."
    )
    proposals: Duration = Field(
        timedelta(minutes=15), description="So long a proposal of the console may wait for its second person untold."
    )
    before_end: Duration = Field(
        timedelta(days=14), description="So long before credentials or a platform's version end it is told."
    )
    disk_free: int = Field(1024, ge=0, description="Less than so many MiB free beside the journal are told.")
    silence: bool = Field(True, description="Whether sources are watched that are usually not silent at that hour.")


USUAL = WatchPart()
"""What holds without a daemon's file."""


class AlertsPart(Part):
    """Alerts: channels, what is watched, and the daily mail."""

    channels: dict[Annotated[str, Field(pattern=NAME)], ChannelPart] = Field(
        default_factory=dict, description="Ways to people, by a name of yours."
    )
    repeat: Duration = Field(timedelta(hours=4), description="An alert that stays open is told again so often.")
    smtp: SmtpPart | None = Field(None, description="The server that sends mails; for `mail` and `daily`.")
    daily: DailyPart | None = Field(None, description="A mail a day.")
    watch: WatchPart = Field(USUAL, description="From when on something that lasts is an alert.")
    runbooks: Annotated[str, AfterValidator(_url)] | None = Field(
        None, description="Where your copy of the pages `docs/runbooks` is; default: only the page's path is told."
    )

    @model_validator(mode="after")
    def _has_server(self) -> Self:
        if self.smtp is None and (self.daily or any(c.mail for c in self.channels.values())):
            raise ValueError("mails need a server: give `smtp` (host, sender)")
        if "daily" in self.channels:
            raise ValueError("no channel may be called daily: that is the daily mail's name")
        return self
