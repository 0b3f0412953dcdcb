"""`connect resolve`: the answers of people to what waits for them."""

from __future__ import annotations

from pathlib import Path

import click

from caseconnect.cli import completing
from caseconnect.cli.operate import ONE_OF, do
from caseconnect.cli.output import emit_json, say
from caseconnect.cli.places import by_option, data_option, json_option, reason_option


@click.command("resolve")
@click.argument("what", shell_complete=completing.waiting)
@click.option(
    "--answer",
    type=click.Choice(["retry", "done", "refuse", "drop", "close"]),
    help="Of a command: retry: it surely did not happen, plan it once more; done: it did happen; refuse: it shall not"
    " happen. Of a delivery or an event: drop. Of an alert: close.",
)
@click.option("--tenant", help="Whose alert or cap, if several tenants have one of that name.")
@click.option("--limit", type=click.IntRange(min=1), help="How many of those that a cap has parked, the oldest first.")
@click.option("--open", "subjects", multiple=True, metavar="SUBJECT", help="Of an incident: open its own case.")
@click.option("--all", "every", is_flag=True, help="Of an incident: open the own cases of all that wait in it.")
@click.option("--close", "close", is_flag=True, help="Of an incident: close it, and end all that wait in it.")
@reason_option
@by_option
@data_option
@json_option
def resolve(
    what: str,
    answer: str | None,
    tenant: str | None,
    limit: int | None,
    subjects: tuple[str, ...],
    every: bool,
    close: bool,
    reason: str,
    by: str,
    data: Path,
    as_json: bool,
) -> None:
    """Answer what waits for a person: a command, a parked delivery or event, an alert, an incident.

    WHAT is a command's key, delivery:NUMBER, event:NUMBER, alert:CAUSE, cap:FLOW:KIND:WINDOW or incident:ID (`connect
    errors` shows them). A refused command takes only `retry`, while its matter is open: it is asked again, under a new
    key. Of what a cap has parked `retry` lets the next `--limit` go; `refuse` refuses these, or all. An incident takes
    `--open`, `--all` or `--close` instead of an answer.

    \b
    connect resolve 1f3a...:CancelOrder --answer done --reason "cancelled in the admin, seen 10:42"
    connect resolve delivery:3 --answer drop --reason "a test message of the platform"
    connect resolve cap:approvals:RefundPayment:hour --answer retry --limit 10 --reason "checked with finance"
    connect resolve incident:20260105-081203-6d8fa2 --close --reason "the gateway was down, they paid since"
    """
    scope, _, name = what.partition(":")
    why = {"reason": reason, "by": by}
    if scope == "incident":
        if answer is not None:
            raise click.UsageError("an incident takes one of --open SUBJECT, --all and --close, and no --answer")
        _incident(data, name, tenant, subjects, why, every=every, close=close, as_json=as_json)
        return
    if subjects or every or close:
        raise click.UsageError(f"only an incident takes --open, --all and --close, not {what}")
    if answer is None:
        raise click.UsageError("Missing option '--answer'.")
    if scope in _PARKED and name.isdecimal():
        _only(scope, answer, "drop")
        told = do(data, "drop", {"what": _PARKED[scope], "seq": int(name), **why})
    elif scope == "cap":
        _only("what a cap has parked", answer, "retry", "refuse")
        if answer == "retry" and limit is None:
            raise click.UsageError("say how many may go: --limit N")
        told = do(data, "let_go", {"cause": what, "tenant": tenant, "answer": answer, "limit": limit or -1, **why})
        emit_json(told) if as_json else say(f"{told['answered']} answered, {told['left']} still parked")
        return
    elif scope == "alert":
        _only("an alert", answer, "close")
        told = do(data, "dismiss", {"cause": name, "tenant": tenant, **why})
    else:
        _only("a command", answer, "retry", "done", "refuse")
        told = do(data, "answer", {"key": what, "answer": answer, **why})
    why_so = f": {told['note']}" if told.get("note") else ""
    emit_json(told) if as_json else say(f"{told.get('key', what)} is {told['state']} now{why_so}")


def _incident(
    data: Path,
    name: str,
    tenant: str | None,
    subjects: tuple[str, ...],
    why: dict[str, str],
    *,
    every: bool,
    close: bool,
    as_json: bool,
) -> None:
    if [bool(subjects), every, close].count(True) != 1:
        raise click.UsageError("an incident takes one of --open SUBJECT, --all and --close")
    ask = {"incident": name, "tenant": tenant, **why}
    if close:
        told = do(data, "close_incident", ask)
        text = f"incident:{name} is closed, and with it {told['ended']} that waited in it"
    else:
        told = do(data, "open_members", {**ask, "subjects": subjects})
        text = f"{told['opened']} get cases of their own, {told['left']} still wait"
    emit_json(told) if as_json else say(text)


_PARKED = {one: many for many, one in ONE_OF.items()}


def _only(what: str, answer: str, *allowed: str) -> None:
    if answer not in allowed:
        raise click.UsageError(f"{what} takes --answer {' or '.join(allowed)}, not {answer}")
