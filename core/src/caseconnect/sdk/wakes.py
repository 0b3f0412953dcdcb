"""What wakes a source: pushes and times as data, and code only for what data cannot say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from caseconnect.sdk.resources import Resources

Scheme = Literal["hmac-sha256-base64", "hmac-sha256-hex", "standard-webhooks", "secret", "link"]


@dataclass(frozen=True)
class UploadPage:
    """The words of an upload page, and how much may be sent by one link.

    `accept` are the media types that the browser offers to choose from. By one link come at most `max_files` files and
    `max_size` bytes in `max_uses` requests; by all links of one reference five times as much.
    """

    title: str = "Add files"
    lead: str = "Choose the files that we asked you for. You may add a message."
    message: str = "Message"
    files: str = "Files"
    button: str = "Send"
    thanks: str = "Thank you. We have your files."
    over: str = "This link is not valid any more. Please ask us for another."
    full: str = "That is more than can be sent by this link. Send less, or ask us for another link."
    language: str = "en"
    accept: tuple[str, ...] = ()
    max_files: int = 20
    max_size: int = 40 * 1024 * 1024
    max_uses: int = 10


@dataclass(frozen=True)
class Webhook:
    """A push described as data; the host verifies and stores it before any plugin code runs.

    `scheme` says what `signature_header` holds: the HMAC-SHA256 of the raw body under one of the secrets, in base64 or
    hex after `prefix`, or the secret itself. 'standard-webhooks' is `sdk.standard_webhooks`: id, time and body are
    signed, and the time is at most 5 minutes from ours. `secrets` are names of settings fields, all tried (rotation);
    `expect` are headers that must be equal (compared case-insensitively) besides the signature. Without a
    `topic_header` the topic is the last part of the path; without an `id_header`, or when it is absent, the id is the
    digest of the body.

    Served at `/hooks/{tenant}/{connection}`; one with `kinds` at `/in/{tenant}/{kind}` for each of them, where the
    kinds in `id_required` are refused without an id. Scheme 'link': a page at `/up/{tenant}/{connection}/{token}`, by
    which a person adds files; the token is made by `sdk.links` with purpose 'upload', and the delivery's topic is
    'upload', its headers hold `Connect-Reference`.
    """

    signature_header: str
    secrets: tuple[str, ...]
    topic_header: str = ""
    id_header: str = ""
    expect: Mapping[str, str] = field(default_factory=dict)
    keep_headers: tuple[str, ...] = ()
    scheme: Scheme = "hmac-sha256-base64"
    prefix: str = ""
    kinds: tuple[str, ...] = ()
    id_required: tuple[str, ...] = ()
    page: UploadPage | None = None


@dataclass(frozen=True)
class Every:
    """Wake the source each `interval`, with up to `jitter` more. A missed run is made up once, at once."""

    interval: timedelta
    jitter: timedelta = timedelta(0)


@dataclass(frozen=True)
class Pushed:
    """One message that a listener received."""

    topic: str
    delivery_id: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


Deliver = Callable[[Pushed], Awaitable[None]]
"""Stores a message; when it returns the message is durable and may be acknowledged."""


@dataclass(frozen=True)
class Listener:
    """Code that listens to a queue, for what data cannot say. `run` goes on until it is cancelled.

    It calls `deliver` for each message and acknowledges it only after that returned. When it raises, the host starts
    it again after a while, as the class of the error asks.
    """

    run: Callable[[Any, Resources, Deliver], Awaitable[None]]
