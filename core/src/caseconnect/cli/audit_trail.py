"""The audit trail of an order, a case or a dispute as a file that stands alone: JSON for programs, HTML for people.

Personal data is left out unless it is asked for: then the records that events brought, the facts of decisions and the
texts of commands are in it, too. Who decided and who answered is always named: that is what a trail is for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import orjson
from jinja2 import Environment, StrictUndefined

from caseconnect.sdk.commands import COMMANDS
from caseconnect.sdk.decisions import item_of
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.texts import without_emails

_EVENT = ("id", "type", "at", "received_at", "topic", "delivery_id", "state", "reason")
_ITEM = ("subject", "item", "time")
_COMMAND = ("key", "kind", "name", "use", "connection", "target", "state", "note", "created_at", "updated_at")
_MATTER = (
    "topic", "item", "episode", "mode", "state", "stage", "owner", "reference", "case_subject", "case_number",
    "case_url", "acted_on", "opened_at", "closed_at",
)  # fmt: skip
_NEVER = frozenset({"expects", "receipt", "document", "documents"})
"""Fields of commands that are told in another way, or that quote what an agent wrote."""

Json = dict[str, Any]


def trail(told: Json, named: str, *, personal: bool) -> Json:
    """What the journal tells of a subject as a trail; of one matter if `named` is its case, reference or item."""
    lane = Subject.parse(told["subject"])
    chosen = [m for m in told["matters"] if named in _names(lane, m)] or told["matters"]
    ids = {m["id"] for m in chosen}
    whole = len(chosen) == len(told["matters"])
    decisions = [d for d in told["decisions"] if whole or any(a.get("matter") in ids for a in d["answers"])]
    seqs = {d["seq"] for d in decisions}
    return {
        "tenant": told["tenant"],
        "subject": told["subject"],
        "personal_data": personal,
        "matters": [_matter(m, personal=personal) for m in chosen],
        "events": [_event(e, personal=personal) for e in told["events"] if whole or e["decision"] in seqs],
        "decisions": [_decision(d, None if whole else ids, personal=personal) for d in decisions],
    }


def write_trail(file: Path, trails: Sequence[Json]) -> None:
    """Write a new file that only its owner may read. `UsageError` for another ending or a file that is there."""
    made = {"made_at": datetime.now(UTC).isoformat(timespec="seconds"), "trails": list(trails)}
    if file.suffix == ".json":
        text = orjson.dumps(made, option=orjson.OPT_INDENT_2).decode()
    elif file.suffix in (".html", ".htm"):
        text = Environment(autoescape=True, undefined=StrictUndefined).from_string(_PAGE).render(made)
    else:
        raise click.UsageError(f"{file.name}: the file ends in .json or .html")
    try:
        file.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        raise click.UsageError(f"{file}: there is such a file already, and a trail overwrites none") from None
    file.write_text(text, encoding="utf-8")


def _names(lane: Subject, matter: Json) -> set[str]:
    item = {str(item_of(lane, matter["item"])), matter["item"]} if matter["item"] else set()
    return item | {matter[name] for name in ("id", "reference", "case_subject", "case_number") if matter[name]}


def _matter(matter: Json, *, personal: bool) -> Json:
    return {
        **{name: matter[name] for name in _MATTER},
        "findings": [{**f, "summary": _text(f["summary"], personal)} for f in matter["findings"]],
        "commands": [_command(command, personal=personal) for command in matter["commands"]],
    }


def _event(event: Json, *, personal: bool) -> Json:
    body = event["body"] if isinstance(event["body"], dict) else {}
    shown = {name: _text(str(body[name]), personal) for name in _ITEM if name in body}
    told = {**{name: event[name] for name in _EVENT}, **shown, "reason": _text(event["reason"], personal)}
    return {**told, "body": body} if personal else told


def _decision(decision: Json, matters: set[str] | None, *, personal: bool) -> Json:
    answers = [a for a in decision["answers"] if matters is None or a.get("matter") in matters]
    facts = decision["facts"]
    return {
        "at": decision["at"],
        "decided_by": decision["decided_by"]
        if any((a.get("decision") or {}).get("acted_on") for a in answers)
        else None,
        "verdicts": [
            {
                "use": answer["use"],
                "reason": _text(answer["reason"], personal),
                "acted_on": (answer.get("decision") or {}).get("acted_on"),
                "asked_for": (answer.get("decision") or {}).get("commands", []),
            }
            for answer in answers
        ],
        "facts": facts if personal else [{k: f[k] for k in ("fact", "subject", "sha256")} for f in facts],
    }


def _command(command: Json, *, personal: bool) -> Json:
    model = COMMANDS.get(command["kind"])
    fields = model.model_fields if model else {}
    body = command["body"] if isinstance(command["body"], dict) else {}
    plain = {
        k: v for k, v in body.items() if k in fields and fields[k].repr and k not in _NEVER and v not in ("", [], {})
    }
    return {
        **{name: command[name] for name in _COMMAND},
        "note": _text(command["note"], personal),
        "what": body if personal else {k: v for k, v in plain.items() if k not in _COMMAND and v is not None},
        "outcomes": [{**o, "note": _text(o["note"], personal)} for o in command["outcomes"]],
    }


def _text(text: str | None, personal: bool) -> str:
    return (text or "") if personal else without_emails(text or "")


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Audit trail</title>
<style>
body { font: 15px/1.45 sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; color: #1a1a1a }
table { border-collapse: collapse; width: 100%; margin: .5em 0 2em }
th, td { text-align: left; vertical-align: top; border-bottom: 1px solid #ccc; padding: .3em .6em }
code { font-size: 85%; overflow-wrap: anywhere }
</style></head><body>
{% for trail in trails %}
<h1>Audit trail of {{ trail.subject }}</h1>
<p>Tenant {{ trail.tenant }}; made {{ made_at }}; {{ "with" if trail.personal_data else "without" }} personal data.</p>
{% for matter in trail.matters %}
<h2>{{ matter.topic }} {{ matter.item }} #{{ matter.episode }}: {{ matter.case_number or "no case" }}</h2>
<p>{{ matter.state }}, stage {{ matter.stage or "none" }}, mode {{ matter.mode }}, owned by {{ matter.owner }};
opened {{ matter.opened_at }}, closed {{ matter.closed_at or "not yet" }}; reference
<code>{{ matter.reference }}</code></p>
<ul>{% for f in matter.findings %}<li>{{ f.exception }} ({{ f.by }}): {{ f.summary }}</li>{% endfor %}</ul>
<table><tr><th>When</th><th>Command</th><th>State</th><th>By</th><th>Note</th><th>What</th></tr>
{% for c in matter.commands %}{% for o in c.outcomes %}
<tr><td>{{ o.at }}</td><td>{{ c.kind }} {{ c.name }}<br><code>{{ c.key }}</code></td><td>{{ o.became }}</td>
<td>{{ o.by }}</td><td>{{ o.note }}</td><td><code>{{ c.what if loop.first else "" }}</code></td></tr>
{% endfor %}{% endfor %}</table>
{% endfor %}
<h2>Events</h2>
<table><tr><th>When</th><th>Event</th><th>About</th><th>State</th><th>Body</th></tr>
{% for e in trail.events %}
<tr><td>{{ e.at }}</td><td>{{ e.type }} {{ e.topic or "" }}<br><code>{{ e.id }}</code></td>
<td>{{ e.get("item") or e.get("subject") or "" }}</td><td>{{ e.state }} {{ e.reason }}</td>
<td>{% if e.body is defined %}<code>{{ e.body }}</code>{% endif %}</td></tr>
{% endfor %}</table>
<h2>Decisions</h2>
<table><tr><th>When</th><th>Verdicts</th><th>Facts, with SHA-256</th></tr>
{% for d in trail.decisions %}
<tr><td>{{ d.at }}</td><td>{% for v in d.verdicts %}<p>{{ v.use }}: {{ v.reason }}
{% if v.acted_on %}<br>outcome {{ v.acted_on.outcome }}, decided by {{ d.decided_by or "unknown" }}{% endif %}
{% if v.asked_for %}<br>asked for {{ v.asked_for | join(", ") }}{% endif %}</p>{% endfor %}</td>
<td>{% for f in d.facts %}<p>{{ f.fact }} {{ f.subject }}<br><code>{{ f.sha256 }}</code>
{% if f.record is defined %}<br><code>{{ f.record }}</code>{% endif %}</p>{% endfor %}</td></tr>
{% endfor %}</table>
{% endfor %}
</body></html>
"""
