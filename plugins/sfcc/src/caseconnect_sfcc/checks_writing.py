"""`connect check --live` for what is written: scopes, attributes, object types, the job. It writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

from caseconnect.sdk.components import Check
from caseconnect.sdk.errors import PermanentError

from .checks import Step, step
from .client import CUSTOMERS, GIFT_CERTIFICATES, ORDERS, PRODUCTS, REPLICATIONS, Json, SfccClient, part
from .faults import Refused
from .writing import Desk, found

SCOPES: Final = {
    ORDERS.scope: "holds, statuses, attributes",
    CUSTOMERS.scope: "attributes and corrections of profiles",
    PRODUCTS.scope: "recalls and notices on products",
    GIFT_CERTIFICATES.scope: "credit",
}
"""Scopes of SCAPI that writing needs, each with `.rw`, and what for."""


async def run(desk: Desk) -> tuple[Check, ...]:
    """The steps. What stands before them (no connection, refused credentials) is raised as an error."""
    return tuple([await step(name, work) for name, work in _steps(desk)])


def _steps(desk: Desk) -> Iterator[Step]:
    names, settings = desk.settings.writing, desk.settings
    for scope, use in SCOPES.items():
        yield f"SCAPI scope {scope}.rw", partial(_scope, desk.client, f"{scope}.rw", use)
    ours = {settings.orders.hold, names.order_tags, *names.order_attributes.values()}
    for kind in ("Order", "Basket"):
        yield f"attributes of {kind}", partial(_attributes, desk.client, kind, ours)
    profile = {names.profile_tags, *names.profile_attributes.values()}
    yield "attributes of Profile", partial(_attributes, desk.client, "Profile", profile)
    yield (
        "attributes of Product",
        partial(_attributes, desk.editing, "Product", {names.recall, settings.product_notice}),
    )
    yield f"custom objects {settings.actions.type}", partial(_actions, desk)
    yield f"job {names.job}", partial(_job, desk)
    for site in settings.sites:
        yield f"checkout notice of {site}", partial(_checkout, desk, site)
    if desk.staging is not None:
        yield "publishing from staging", partial(_publishing, desk.staging)


async def _scope(client: SfccClient, scope: str, use: str) -> str:
    await client.tokens.scope(scope).get()
    return use


async def _attributes(client: SfccClient, kind: str, wanted: Iterable[str]) -> str:
    missing = sorted({*wanted} - {""} - set(await client.attributes("system", kind)))
    if missing:
        raise PermanentError(f"not defined: {', '.join(missing)}. Import the cartridge's metadata, or name others")
    return ""


async def _actions(desk: Desk) -> str:
    names = desk.settings.actions
    if not names.type:
        return "no type is named: refunds, exchanges, replacements, points and notices are refused"
    defined: dict[str, Json] = await desk.client.attributes("custom", names.type)
    wanted = {names.action, names.order_number, names.payload, names.status, names.result, names.finished_at}
    if missing := sorted(wanted - {""} - set(defined)):
        raise PermanentError(f"the type lacks {', '.join(missing)}: import the cartridge's metadata")
    return ""


async def _job(desk: Desk) -> str:
    names = desk.settings.writing
    # An execution that cannot be there: what is not found tells whether the job is.
    try:
        await desk.client.ocapi("data", "GET", f"/jobs/{part(names.job)}/executions/0")
    except Refused as refused:
        if refused.code != "JobExecutionNotFound":
            raise
    started = "; whether we may start it shows at the first action" if names.start_job else ""
    return f"see Business Manager for its schedule{started}"


async def _checkout(desk: Desk, site: str) -> str:
    names = desk.settings.writing
    call = desk.editing.content(names.libraries.get(site, site), names.checkout_notice)
    return "made at the first notice" if await found(call, "ContentNotFound") is None else ""


async def _publishing(staging: SfccClient) -> str:
    await staging.tokens.scope(f"{REPLICATIONS.scope}.rw").get()
    await staging.scapi(REPLICATIONS, "GET", "/granular-processes", query={"limit": "1"})
    return ""
