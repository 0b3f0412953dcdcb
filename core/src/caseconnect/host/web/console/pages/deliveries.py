"""What came: by connection, and one delivery with its headers; its body for those who may see it, each look audited."""

from __future__ import annotations

from typing import Any

import orjson

from caseconnect.host.web.console.asking import Ask, Shown
from caseconnect.host.web.console.pages.showing import missing, number, shown

_PAGE = 50
_LONGEST = 64 * 1024
_STATES = ("events", "ignored", "parked", "waiting", "new")


def listed(ask: Ask) -> Shown:
    """The newest of a connection."""
    tenant, connection = ask.path["tenant"], ask.path["connection"]
    state = ask.query.get("state", "")
    part = ask.journal.views.arrivals(tenant, connection, number(ask.query.get("before")), _PAGE, state)
    return shown(
        ask,
        "deliveries.html",
        f"Deliveries of {tenant}/{connection}",
        tenant=tenant,
        connection=connection,
        state=state,
        states=_STATES,
        part=part,
    )


def show(ask: Ask) -> Shown:
    """One, without its body."""
    return _one(ask, body=False)


def body(ask: Ask) -> Shown:
    """One, with what is left of its body."""
    return _one(ask, body=True)


def _one(ask: Ask, *, body: bool) -> Shown:
    seq = number(ask.path["seq"])
    row = ask.journal.views.delivery(seq) if seq else None
    if row is None:
        return missing(ask, f"delivery {ask.path['seq']}", "Numbers of deliveries are in the lists by connection.")
    content = row.pop("body")
    return shown(
        ask,
        "delivery.html",
        f"Delivery {row['seq']}",
        row=row,
        still=body,
        has_body=content is not None,
        body=_readable(content) if body and content is not None else None,
    )


def _readable(content: bytes) -> dict[str, Any]:
    """The text to be shown: JSON with its lines, else as it is; what is no text as its size."""
    try:
        text = orjson.dumps(orjson.loads(content), option=orjson.OPT_INDENT_2).decode()
    except ValueError:
        text = content.decode(errors="replace")
    return {"text": text[:_LONGEST], "size": len(content), "cut": len(text) > _LONGEST}
