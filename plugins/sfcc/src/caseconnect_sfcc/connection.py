"""What source and sink of one connection share: the client, and where each order was found."""

from __future__ import annotations

from collections.abc import Callable

from caseconnect.sdk.resources import Resources
from caseconnect.sdk.secrets import Secret

from .auth import Agent, Key, Tokens
from .client import SfccClient
from .config import ScapiSettings, SfccSettings
from .places import OrderPlaces


def client_of(settings: SfccSettings, resources: Resources) -> SfccClient:
    """The connection's one client, made at first use."""
    return resources.once("sfcc.client", lambda: client_for(settings, settings.scapi, resources))


def places_of(settings: SfccSettings, resources: Resources) -> OrderPlaces:
    """Finds orders on the connection's sites."""
    return resources.once("sfcc.places", lambda: OrderPlaces(client_of(settings, resources), settings.sites))


def client_for(settings: SfccSettings, scapi: ScapiSettings, resources: Resources) -> SfccClient:
    """A client with these credentials of SCAPI and the connection's of OCAPI."""
    ocapi = settings.ocapi

    def reveal(secret: Secret) -> Callable[[], str]:
        return lambda: resources.secrets.reveal(secret)

    agent = None
    if ocapi.user is not None and ocapi.password is not None:
        agent = Agent(reveal(ocapi.user), reveal(ocapi.password))
    instance = resources.http(ocapi.api_url())
    tokens = Tokens(
        resources.http(settings.account_manager_url, max_body=1024 * 1024),
        instance,
        scapi=Key(scapi.client_id, reveal(scapi.client_secret)),
        ocapi=Key(ocapi.client_id, reveal(ocapi.client_secret)),
        tenant=scapi.tenant,
        agent=agent,
        now=resources.now,
    )
    return SfccClient(
        scapi=resources.http(scapi.api_url()),
        ocapi=instance,
        tokens=tokens,
        organization_id=scapi.organization_id,
        version=ocapi.version,
        now=resources.now,
    )
