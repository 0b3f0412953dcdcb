"""Steps of `connect check --live` that source and sink share."""

from __future__ import annotations

from caseconnect.sdk.components import Check
from caseconnect.sdk.errors import PermanentError

from .client import CoreCaseClient
from .config import CoreCaseSettings


async def check_account(client: CoreCaseClient, settings: CoreCaseSettings) -> list[Check]:
    """Sign in and read the case definition. What the host must act on (credentials, outage) is raised."""
    await client.sign_in()
    return [Check(step="sign in", ok=True), await _check_definition(client, settings)]


async def _check_definition(client: CoreCaseClient, settings: CoreCaseSettings) -> Check:
    step = "case definition"
    if not client.dialect.offers("read_definition"):
        return Check(step=step, ok=True, note="not read: `paths.read_definition` is empty")
    try:
        found = await client.read_definition()
    except PermanentError as error:
        return Check(step=step, ok=False, note=str(error))
    theirs = found.get("caseConfigId")
    if isinstance(theirs, str) and theirs != settings.config_id:
        return Check(step=step, ok=False, note=f"`config_id` is not the definition's caseConfigId, which is {theirs}")
    return Check(step=step, ok=True)
