"""Steps of `connect check --live`, changing nothing. What the host must act on (credentials, outage) is raised."""

from __future__ import annotations

from collections.abc import Iterable

from caseconnect.sdk.components import Check
from caseconnect.sdk.errors import PermanentError

from .casetypes import CaseType, CaseTypes
from .config import CoreCaseSettings
from .declared import choices_of, misfits, read_declaration
from .listing import ListReader, OneByOneReader
from .lookup import find_surely

_NOBODY = "connect-check/none/none/0/none/0"
_OPEN_CASES = (100, 1000, 10_000)


async def check_account(types: CaseTypes) -> list[Check]:
    """Sign in, and compare each case definition with the settings."""
    await types.first.client.sign_in()
    return [Check(step="sign in", ok=True), *[await _definition(kind) for kind in types.all]]


async def check_ways(types: CaseTypes) -> list[Check]:
    """What the commands need: the search by reference, and where owner, deadline, closing and documents go."""
    steps = [step for kind in types.all for step in (await _search(kind), _required(kind.settings))]
    return [*steps, *_places(types.first.settings)]


async def check_changes(types: CaseTypes, reader: ListReader | OneByOneReader) -> list[Check]:
    """How decisions are noticed, and how late at the latest."""
    settings = types.first.settings
    steps = [await _list(reader, kind) for kind in reader.lists] if isinstance(reader, ListReader) else []
    steps.append(Check(step="delay of a decision", ok=True, note=delay(settings)))
    if not settings.service_account:
        note = "none is named: our own changes will be taken for other people's (nothing is done twice for that)"
        steps.append(Check(step="service account", ok=True, note=note))
    return steps


def delay(settings: CoreCaseSettings) -> str:
    """The worst delay between a decision and its being read, in words."""
    called = "" if settings.hook_secret is None else "at once when the workflow calls; else "
    if settings.listing.changes == "listing":
        return f"{called}one poll interval, and as much as the list lags behind"
    # Half of the reads go to the cases that were not read for longest: what is certain for every case.
    rate = settings.listing.watch_share * settings.requests_per_second / 2
    times = ", ".join(f"{count}: {_long(count / rate)}" for count in _OPEN_CASES)
    return f"{called}one poll interval, or by the number of open cases at the latest {times}"


def _long(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def step_of(what: str, settings: CoreCaseSettings) -> str:
    """Name of a step, with the definition where there are several."""
    return f"{what} {settings.definition}" if settings.definition else what


async def _definition(kind: CaseType) -> Check:
    step = step_of("case definition", kind.settings)
    if not kind.client.dialect.offers("read_definition"):
        return Check(step=step, ok=True, note="not read: `paths.read_definition` is empty")
    try:
        declared = read_declaration(await kind.client.read_definition(), kind.settings)
    except PermanentError as error:
        return Check(step=step, ok=False, note=str(error))
    wrong = misfits(declared, kind.settings)
    note = "; ".join(wrong) or declared.text
    return Check(step=step, ok=not wrong, note=note, state=declared.digest, choices=choices_of(declared, kind.settings))


async def _search(kind: CaseType) -> Check:
    step = step_of("find by reference", kind.settings)
    if kind.settings.listing.find == "none":
        note = "cases cannot be found by reference: a create whose answer is lost goes to a person"
        return Check(step=step, ok=True, note=note)
    found = await find_surely(kind.client, kind.settings, _NOBODY)
    if found.cases is None:
        note = f"{found.why}. Declare the attribute of `fields.reference`, or set `listing.find`"
        return Check(step=step, ok=False, note=note)
    return Check(step=step, ok=True)


def supplied(settings: CoreCaseSettings) -> set[str]:
    """Dotted paths that our creates can fill."""
    fields = settings.fields
    ours = {fields.title, fields.summary, fields.client_name, fields.reference, fields.priority, fields.assignee}
    mapped = {place if isinstance(place, str) else place.path for place in settings.attributes.values()}
    return (ours | {fields.due} | mapped | set(settings.create.constants)) - {""}


def _required(settings: CoreCaseSettings) -> Check:
    missing = sorted(set(settings.required) - supplied(settings))
    note = f"nothing fills {', '.join(missing)}: map it in `attributes` or set it in `create.constants`"
    return Check(step=step_of("required attributes", settings), ok=not missing, note=note if missing else "")


def _places(settings: CoreCaseSettings) -> Iterable[Check]:
    fields = settings.fields
    for step, path in (("owner", fields.assignee), ("priority", fields.priority), ("deadline", fields.due)):
        yield Check(step=step, ok=True, note=_kept(path, settings))
    ways = {
        "call": f"by {settings.paths.close_case}",
        "status": f"by writing {settings.fields.status}",
        "none": "not by Connect: a flow that wants it is refused, with the reason",
    }
    yield Check(step="closing", ok=True, note=ways[settings.close.by])
    listed = bool(settings.paths.list_attachments)
    note = "" if listed else "cannot be listed: one whose answer was lost goes to a person, and none is read"
    yield Check(step="documents", ok=True, note=note)


def _kept(path: str, settings: CoreCaseSettings) -> str:
    if not path:
        return "has no place: written into the description of a new case, and not changed later"
    if path.startswith(f"{settings.fields.custom}."):
        return f"mapped to the custom attribute {path.removeprefix(f'{settings.fields.custom}.')}"
    return f"native: {path}" if ".defaultAttributes." in path else f"mapped to {path}"


async def _list(reader: ListReader, kind: CaseType) -> Check:
    step = step_of("case list", kind.settings)
    try:
        rows = await kind.client.page_of_cases(kind.settings.listing.sort)
        reader.stamps(kind, rows)
    except PermanentError as error:
        return Check(step=step, ok=False, note=str(error))
    return Check(step=step, ok=True, note="" if rows else "empty")
