"""The section `console:` of the daemon's file: where the console listens, who signs in, and who may do what."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from caseconnect.host.tenants.durations import Duration
from caseconnect.host.web.console.people import ROLES, Identity, Role
from caseconnect.sdk.addresses import is_this_machine
from caseconnect.sdk.secrets import Secret

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - nothing is bound here
"""Hosts that are every address of the machine."""

RoleWord = Literal["viewer", "operator", "approver"]


def _address(given: str) -> str:
    parts = urlsplit(given)
    plain = not (parts.path.strip("/") or parts.query or parts.fragment or parts.username)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not plain:
        raise ValueError("write https://host or https://host:port, and nothing behind it")
    if parts.scheme == "http" and not is_this_machine(parts.hostname):
        raise ValueError("people's browsers must reach the console by https")
    usual = ":443" if parts.scheme == "https" else ":80"  # a browser does not say it
    return given.rstrip("/").lower().removesuffix(usual)


def _issuer(given: str) -> str:
    parts = urlsplit(given)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_this_machine(parts.hostname)):
        raise ValueError("an issuer is an https address, as the provider's discovery document names it")
    if not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("write the issuer as the provider's discovery document names it, without credentials")
    return given


def _amounts(given: dict[str, Decimal]) -> dict[str, Decimal]:
    for currency, amount in given.items():
        if not re.fullmatch("[A-Z]{3}", currency):
            raise ValueError(f"{currency!r} is no currency such as EUR")
        if not amount.is_finite() or amount < 0:
            raise ValueError(f"{currency} must be an amount, zero or more")
    return given


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Tls(_Part):
    """A certificate of our own, where no reverse proxy ends TLS."""

    certificate: Path = Field(description="PEM file of the certificate, with its chain.")
    key: Path = Field(description="PEM file of its key, which only we may read.")


class Oidc(_Part):
    """Sign-in by an OpenID Connect provider: authorization code with PKCE."""

    issuer: Annotated[str, AfterValidator(_issuer)] = Field(
        description="The provider's issuer, as its discovery document names it."
    )
    client_id: str = Field(min_length=1, description="Our name at the provider.")
    client_secret: Secret | None = Field(None, description="Our secret at the provider; none for a public client.")
    groups_claim: str = Field("groups", description="The claim of the id token that lists a person's groups.")


class SessionTimes(_Part):
    """When who signed in has to sign in again."""

    idle: Duration = Field(timedelta(minutes=30), gt=timedelta(0), description="After so long without a click.")
    absolute: Duration = Field(timedelta(hours=12), gt=timedelta(0), description="In any case after so long.")
    fresh: Duration = Field(
        timedelta(minutes=30), gt=timedelta(0), description="Who answers money must have signed in within that time."
    )


class ConsoleSettings(_Part):
    """The console's listener, its sign-in, its roles."""

    host: str = Field("127.0.0.1", description="Address to listen on; any but loopback needs `tls` and `oidc`.")
    port: int | None = Field(
        None, ge=0, le=65_535, description="Port to listen on; without it the next one after the webhooks' port."
    )
    url: Annotated[str, AfterValidator(_address)] | None = Field(
        None, description="The address in people's browsers, where a reverse proxy is in front: https://host[:port]."
    )
    tls: Tls | None = None
    oidc: Oidc | None = None
    people: dict[str, RoleWord] = Field(
        default_factory=dict, description="Roles by verified e-mail address: viewer, operator or approver."
    )
    groups: dict[str, RoleWord] = Field(
        default_factory=dict, description="Roles by group; who is in several has the highest."
    )
    four_eyes: Annotated[dict[str, Decimal], AfterValidator(_amounts)] | None = Field(
        None,
        description="Above these amounts, which one person gives away in 24 hours, a second approver confirms, such as"
        ' `{EUR: "500.00"}`; a currency that is not named always needs one. Without it only caps do.',
    )
    proposals: Duration = Field(
        timedelta(hours=24), gt=timedelta(0), description="So long a proposal waits for its second person."
    )
    sessions: SessionTimes = SessionTimes()

    @model_validator(mode="after")
    def _nobody_is_let_in_from_afar(self) -> ConsoleSettings:
        if not is_this_machine(self.host) and not (self.tls and self.oidc):
            raise ValueError(
                f"the console would be open to others on {self.host}: give `tls` and `oidc`, or leave `host` at"
                " 127.0.0.1 and put a reverse proxy in front (then say `url`)"
            )
        if self.host in EVERYWHERE and not self.url:
            raise ValueError(
                f"{self.host} is every address of this machine, and no name: say under which people reach the console"
                " as `url`, such as https://connect.example.com"
            )
        if self.oidc and not (self.people or self.groups):
            raise ValueError("say who may do what: `people` by e-mail, or `groups`")
        if (self.people or self.groups) and not self.oidc:
            raise ValueError("roles by `people` and `groups` need `oidc`, which says who somebody is")
        return self

    @property
    def https(self) -> bool:
        """People's browsers speak https, with us or with the proxy in front."""
        return bool(self.tls) or (self.url or "").startswith("https:")

    def role_of(self, who: Identity) -> Role | None:
        """What somebody may do by these settings; None: nothing."""
        if who.given is not None:
            return who.given
        mails = {mail.lower(): word for mail, word in self.people.items()}
        words = [mails[who.mail.lower()]] if who.mail and who.mail.lower() in mails else []
        words += [self.groups[group] for group in who.groups if group in self.groups]
        return max((ROLES[word] for word in words), default=None)
