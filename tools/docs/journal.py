"""The journal: the states of a command and the tables, from the code that defines them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlite_utils import Database

from caseconnect.host.journal.schema import migrate
from caseconnect.host.journal.states import OPEN, SETTLED, TRANSITIONS
from tools.docs.markdown import code, codes, fence, table

_TABLES: Mapping[str, str] = {
    "meta": "Facts about the file itself.",
    "deliveries": "What arrived or was polled, byte for byte. An equal body is stored once (`ref_of`).",
    "cursors": "How far each connection was polled; saved in the commit of the page that it covers.",
    "schedules": "When each connection is polled next, and was last.",
    "firsts": "When something was first started: a connection's first start, for going live.",
    "labels": "What people call a subject, such as an order's number, for looking it up.",
    "aliases": "Other names of subjects, learned on the way: a case is known by the order that it is about.",
    "events": "Canonical facts made from deliveries, in their lane, with the state of each.",
    "told": "Which event told the newest of an item that no platform keeps, such as a complaint.",
    "decisions": "The answers of all use cases to an event, with their reasons and the facts they saw.",
    "matters": "What cases are about: at most one open per (tenant, subject, topic, item).",
    "commands": "Intended effects by key, with their state.",
    "outcomes": "Every change of a command's state, with evidence, who and when. Rows are only added.",
    "slots": "What each thing that we set is known to be, and what was there `before`.",
    "claims": "Which matters hold which slot; the last claim to go releases it.",
    "counters": "Amounts reserved by commands, for the counters of use cases that cross subjects.",
    "reservations": "What commands take of each cap, from when on; without a time they take nothing.",
    "asked_cases": "Cases that were asked for, by the exception that they count under, and the incident they joined.",
    "timers": "When a use case wants to be woken.",
    "brakes": "Pauses, with who, why and when, also those that ended.",
    "clicks": "What people did in the console and its API: who, when, why, and how it ended. Rows are only added.",
    "proposals": "What one person proposed and another has to confirm, as long as it is what would happen.",
    "cap_changes": "What people changed of caps, until when; the tenant file's values hold elsewhere.",
    "api_tokens": "Tokens of the console's API, by their hashes.",
    "erased": "Whose data was erased: what comes of them later is kept without what is personal.",
    "receipts": "What became of requests about personal data: of whom by id, how many rows, what is left.",
    "comparisons": "What comparing a platform with the journal found; of those that found nothing the last week.",
    "tenant_files": "Tenant files as they came into force: when, by whom, which key paths changed, and the text.",
    "sums": "The checksum of every row of the other tables, by table and key.",
    "chain": "Per tenant a hash chain over rows that are only added; without its salt the row's text was erased.",
    "heads": "Where each tenant's chain ends.",
    "alerts": "What a person should look at, one row per cause until it is closed.",
    "notices": "What each channel told of an alert last, or is to tell next.",
    "arrived": "How many deliveries of each connection came in each hour (UTC); of the last five weeks.",
}


def states() -> str:
    """The transitions as a figure."""
    lines = ["stateDiagram-v2", "    [*] --> new"]
    for was, ways in TRANSITIONS.items():
        lines += [f"    {was} --> {way}" for way in sorted(ways)]
        if not ways:
            lines.append(f"    {was} --> [*]")
    return fence("\n".join(lines), "mermaid")


def transitions() -> str:
    """The transitions as a table."""
    rows = [
        (code(was), codes(sorted(ways)) or "ends", "yes" if was in OPEN else "", "yes" if was in SETTLED else "")
        for was, ways in TRANSITIONS.items()
    ]
    return table(("state", "may become", "goes on by itself", "told to the use cases"), rows)


def schema() -> str:
    """Every table with its columns and indexes."""
    db = Database(memory=True)
    migrate(db)
    ours = [t for t in db.tables if not t.name.startswith(("sqlite_", "_sqlite"))]
    unexplained = {t.name for t in ours} ^ set(_TABLES)
    if unexplained:
        raise LookupError(f"say in tools/docs/journal.py what these tables are, or drop them: {sorted(unexplained)}")
    sections = []
    for found in ours:
        keys = set(found.pks)
        columns = [
            (code(c.name), c.type.lower() or "any", _kind(key=c.name in keys, optional=not c.notnull))
            for c in found.columns
        ]
        sections.append(f"## {code(found.name)}\n\n{_TABLES[found.name]}\n\n{table(('column', 'type', ''), columns)}")
    return "\n\n".join(sections)


def _kind(*, key: bool, optional: bool) -> str:
    return "key" if key else "may be null" * optional
