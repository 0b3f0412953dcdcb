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


def staging_of(settings: SfccSettings, resources: Resources) -> SfccClient | None:
    """The client of the staging instance, with the same credentials; None when nothing is edited there."""
    staging = settings.writing.staging
    if staging is None:
        return None
    there = settings.model_copy(
        update={
            "scapi": settings.scapi.model_copy(update={"organization_id": staging.organization_id}),
            "ocapi": settings.ocapi.model_copy(update={"host": staging.host, "base_url": staging.ocapi_base_url}),
        }
    )

    def make() -> SfccClient:
        made = client_for(there, there.scapi, resources)
        # A token of OCAPI's client names no instance: one serves both.
        made.tokens.data = client_of(settings, resources).tokens.data
        return made

    return resources.once("sfcc.staging", make)


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
