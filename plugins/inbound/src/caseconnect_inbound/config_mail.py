"""Settings of a mailbox and of the mails that we send."""

from __future__ import annotations

import re
from email.utils import parseaddr
from typing import Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from caseconnect.sdk.addresses import checked_url, is_this_machine
from caseconnect.sdk.components import Settings
from caseconnect.sdk.secrets import Secret

from .files import TakesFiles
from .templates import problems

EXAMPLE: Final = """\
imap:
  host: imap.example.com
  username: help@shop.example
  password: {env: MAIL_PASSWORD}
orders: shop
"""
"""The smallest settings, as they stand in a tenant file."""


class ServerSettings(Settings):
    """A mail server."""

    host: str = Field(min_length=1, description="The server's name.")
    port: int | None = Field(None, ge=1, le=65_535, description="Its port; default: the usual one.")
    security: Literal["tls", "starttls", "none"] = Field(
        "tls", description="How the line is encrypted; none only for a server on this machine."
    )
    username: str = Field("", description="Who signs in; empty: nobody.")
    password: Secret | None = Field(None, description="The password.")

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        if self.security == "none" and not is_this_machine(self.host):
            raise ValueError("mails hold personal data: security none is for a server on this machine only")
        if bool(self.username) != bool(self.password):
            raise ValueError("give username and password, or neither")
        return self


class ImapSettings(ServerSettings):
    """A mailbox that is read. Nothing in it is changed: no mail is marked, moved or deleted."""

    folder: str = Field("INBOX", min_length=1, description="The folder.")


class SmtpSettings(ServerSettings):
    """The server that sends our mails."""

    security: Literal["tls", "starttls", "none"] = Field(
        "starttls", description="How the line is encrypted; none only for a server on this machine."
    )
    sender: str = Field(description="From whom, such as 'Example Shop <help@shop.example>'.")

    @field_validator("sender")
    @classmethod
    def _one_address(cls, value: str) -> str:
        _, address = parseaddr(value)
        if "@" not in address or any(c in value for c in "\r\n"):
            raise ValueError("give one address, such as 'Example Shop <help@shop.example>'")
        return value


class TemplateSettings(Settings):
    """One message: subject and text by language. `{{ name }}` is replaced; nothing is run."""

    subject: dict[str, str] = Field(min_length=1, description="By BCP 47 tag; the first one is the default.")
    text: dict[str, str] = Field(min_length=1, description="By BCP 47 tag, the same tags as the subject.")

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.subject.keys() != self.text.keys():
            raise ValueError("subject and text need the same languages")
        for where, texts in (("subject", self.subject), ("text", self.text)):
            for locale, text in texts.items():
                if wrong := problems(text):
                    raise ValueError(f"{where}.{locale}: {wrong}")
        return self


class PageSettings(Settings):
    """The words of the page for files."""

    language: str = Field("en", description="BCP 47 tag of these words.")
    title: str = Field("Add files", description="Headline.")
    lead: str = Field("Choose the files that we asked you for. You may add a message.", description="What to do.")
    files: str = Field("Files", description="Label of the files.")
    message: str = Field("Message", description="Label of the message.")
    button: str = Field("Send", description="The button.")
    thanks: str = Field("Thank you. We have your files.", description="Said when everything is stored.")
    over: str = Field(
        "This link is not valid any more. Please ask us for another.", description="Said when the link is over."
    )
    full: str = Field(
        "That is more than can be sent by this link. Send less, or ask us for another link.",
        description="Said when it is more than the link takes; nothing of it is stored.",
    )


class UploadSettings(Settings):
    """Links by which shoppers add files to their case."""

    address: str = Field(description="Where shoppers reach this daemon, such as https://connect.shop.example.")
    days: float = Field(14, gt=0, le=90, description="How long a link is good.")
    uses: int = Field(
        10,
        ge=1,
        le=1_000,
        description="How often one link may be used. All links of one matter together take five times what one takes.",
    )
    files: int = Field(20, ge=1, le=1_000, description="Most files that one link takes, over all its uses.")
    size: int = Field(
        40 * 1024 * 1024, ge=1, le=1024 * 1024 * 1024, description="Most bytes that one link takes, over all its uses."
    )
    page: PageSettings = Field(PageSettings(), description="The words of the page.")

    @field_validator("address")
    @classmethod
    def _url(cls, value: str) -> str:
        return checked_url(value, "address")


class MailSettings(TakesFiles):
    """One mailbox, one sender, or both."""

    imap: ImapSettings | None = Field(None, description="The mailbox that shoppers write to.")
    smtp: SmtpSettings | None = Field(None, description="How messages are sent.")
    templates: dict[str, TemplateSettings] = Field(default_factory=dict, description="The messages by name.")
    link_secret: Secret | None = Field(
        None, description="Signs mail threads and upload links; without it an answer is not known as one."
    )
    previous_link_secret: Secret | None = Field(None, description="The one before the last rotation; still known.")
    upload: UploadSettings | None = Field(None, description="Links for files.")
    orders: str | None = Field(None, description="Connection that has the orders.")
    order_pattern: str = Field(
        r"(?:order|bestellung|commande|pedido|ordine)\D{0,12}#?\s*([A-Za-z0-9-]{3,40})|#(\d{3,})",
        description="Finds the order number in subject and text; the first group that matched is it, in any case.",
    )
    kind: Literal["complaint", "return_request", "warranty_claim", "dispute", "customer_reply"] = Field(
        "complaint", description="What a mail is that answers none of ours."
    )
    ignore_from: tuple[str, ...] = Field((), description="Addresses whose mails are ignored, such as our own.")
    trusted_authserv: str = Field(
        "",
        description="The name with which your mail server begins Authentication-Results, such as mx.example.com: a mail"
        " that fails DMARC by its word is read without its order, and a note says so; empty: not looked at.",
    )
    mail_size: int = Field(
        25 * 1024 * 1024,
        ge=10_000,
        le=100 * 1024 * 1024,
        description="Of a larger mail only the head is read, in bytes.",
    )

    @field_validator("order_pattern")
    @classmethod
    def _pattern(cls, value: str) -> str:
        try:
            groups = re.compile(value).groups
        except re.error as error:
            raise ValueError(f"order_pattern is no regular expression: {error}") from None
        if not groups:
            raise ValueError("order_pattern needs a group around the number")
        if re.search(r"(?<!\\)(?:\\\\)*\)[*+{]", value):
            raise ValueError("order_pattern must not repeat a group: somebody could write a mail that takes for ever")
        return value

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.imap is None and self.smtp is None:
            raise ValueError("give `imap`, `smtp`, or both")
        if self.upload and not self.link_secret:
            raise ValueError("`upload` needs `link_secret`")
        return self
