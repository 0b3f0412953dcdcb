"""Settings of a door: who may come in, and how what they send becomes canonical."""

from __future__ import annotations

from typing import Any, Final, Literal, Self

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import Field, field_validator, model_validator

from caseconnect.sdk.addresses import checked_url
from caseconnect.sdk.components import Settings
from caseconnect.sdk.secrets import Secret

from .files import TakesFiles
from .kinds import KINDS, KindName

EXAMPLE: Final = """\
secret: {env: DESK_SECRET}
orders: shop
kinds:
  complaint: {}
"""
"""The smallest settings, as they stand in a tenant file."""

NOT_MAPPED: Final = frozenset({"id", "files"})
"""Fields of the records that have settings of their own."""


def expression(value: str, where: str) -> str:
    """`value`, a JMESPath expression. ValueError naming `where` if it is none."""
    try:
        jmespath.compile(value)
    except JMESPathError as error:
        raise ValueError(f"{where} is no JMESPath expression: {str(error).splitlines()[0]}") from None
    return value


class FileSettings(Settings):
    """Files that come along, as addresses, as base64, or as parts of a multipart body."""

    each: str = Field("", description="JMESPath to the list of files; empty: none but the parts of a multipart body.")
    name: str = Field("name", description="JMESPath within one file: its name.")
    url: str = Field("url", description="JMESPath within one file: where it is fetched from.")
    content: str = Field("content", description="JMESPath within one file: its bytes in base64, instead of an address.")
    media_type: str = Field("media_type", description="JMESPath within one file: its media type.")

    @model_validator(mode="after")
    def _expressions(self) -> Self:
        for name in ("each", "name", "url", "content", "media_type"):
            if value := getattr(self, name):
                expression(value, f"files.{name}")
        return self


class KindSettings(Settings):
    """How one kind is read. Without `map` the body is the canonical record itself (its schema is in the reference)."""

    id: str = Field("", description="JMESPath to the sender's own id; empty: the delivery's id.")
    map: dict[str, str] = Field(default_factory=dict, description="Canonical field -> JMESPath in the body.")
    constants: dict[str, Any] = Field(default_factory=dict, description="Canonical field -> value, where none came.")
    values: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="Canonical field -> what came -> what it means; '*' for anything else."
    )
    files: FileSettings = Field(FileSettings(), description="Where the files are.")
    trust_order: bool | None = Field(
        None,
        description="The sender knows the order, so that no e-mail has to agree, and may name a reply's matter by our"
        " reference; default: for approval_request and shipment_event only.",
    )

    @field_validator("map")
    @classmethod
    def _expressions(cls, value: dict[str, str]) -> dict[str, str]:
        return {name: expression(found, f"map.{name}") for name, found in value.items()}

    @field_validator("id")
    @classmethod
    def _id(cls, value: str) -> str:
        return expression(value, "id") if value else value


class NotifySettings(Settings):
    """A system that sends messages to shoppers for us."""

    url: str = Field(description="Where messages are posted to; its path is not shown in errors.", repr=False)
    secret: Secret = Field(description="Signs them (Standard Webhooks 1.0.0); 'whsec_' and base64, or plain text.")

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        return checked_url(value, "url")


class InboundSettings(TakesFiles):
    """One sender, or several that share a secret: a helpdesk, a returns portal, a carrier, a form of the shop."""

    secret: Secret = Field(description="Shared with the sender: signs the body, or stands in a header.")
    previous_secret: Secret | None = Field(None, description="The secret before the last rotation; still taken.")
    scheme: Literal["standard-webhooks", "hmac-sha256-hex", "hmac-sha256-base64", "secret"] = Field(
        "hmac-sha256-hex",
        description="standard-webhooks (recommended): Standard Webhooks 1.0.0, which signs id, time and body;"
        " hmac-...: the header signs the raw body; secret: the header is the secret itself, for"
        " senders that can set headers only.",
    )
    header: str = Field("X-Signature", description="The header.", pattern=r"^[A-Za-z0-9-]{1,60}$")
    prefix: str = Field("", description="What stands before the signature, such as 'sha256='.", max_length=20)
    id_header: str = Field(
        "Idempotency-Key", description="Header with the id of the request.", pattern=r"^[A-Za-z0-9-]{1,60}$"
    )
    orders: str | None = Field(
        None, description="Connection that has the orders; none: everything stands alone, without an order."
    )
    kinds: dict[KindName, KindSettings] = Field(min_length=1, description="What may come, and how it is read.")
    notify: NotifySettings | None = Field(None, description="Where NotifyCustomer goes, if it goes this way.")
    file_hosts: tuple[str, ...] = Field(
        (), description="Hosts that files are fetched from, with the port unless it is 443; others are only named."
    )

    @model_validator(mode="after")
    def _headers_fit(self) -> Self:
        given = sorted({"header", "prefix", "id_header"} & self.model_fields_set)
        if self.scheme == "standard-webhooks" and given:
            raise ValueError(f"{', '.join(given)}: leave it out, the headers of standard-webhooks have fixed names")
        return self

    @model_validator(mode="after")
    def _known_fields(self) -> Self:
        for name, kind in self.kinds.items():
            known = set(KINDS[name].record.model_fields) - NOT_MAPPED
            for part in ("map", "constants", "values"):
                if unknown := sorted(set(getattr(kind, part)) - known):
                    raise ValueError(
                        f"kinds.{name}.{part}: {', '.join(unknown)} is no field of {name}; "
                        f"allowed are {', '.join(sorted(known))}"
                    )
        return self

    def trusts(self, kind: str) -> bool:
        """The sender of that kind knows the order."""
        given = self.kinds[kind].trust_order  # type: ignore[index] # the caller has a kind that is set
        return KINDS[kind].ours if given is None else given
