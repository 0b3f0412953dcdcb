"""A recall that is on: its products are off sale and shoppers are told, also those that come later or come back."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from caseconnect.models import Case
from caseconnect.sdk.commands import Command, ShowNotice, SuppressProduct, digest_of
from caseconnect.sdk.decisions import ActedOn, Decision, Facts, Finding, Matter, Need, Needs, Timer
from caseconnect.sdk.events import Event, TimerFired
from caseconnect.sdk.subjects import Subject
from caseconnect_recalls import affected, standing, telling
from caseconnect_recalls.naming import list_needs, named_in
from caseconnect_recalls.settings import RecallsSettings
from caseconnect_recalls.spreading import lookups, named_products, product_needs, spread
from caseconnect_recalls.standing import NOTICES, PRODUCTS, RECALLED, comment
from caseconnect_recalls.telling import Look, texts_of

_LOOK = "look:"
_SOON = timedelta(minutes=5)
_UNKNOWN = timedelta(hours=1)


def carry(
    event: Event,
    matter: Matter,
    case: Case,
    begins: str | None,
    facts: Facts,
    settings: RecallsSettings,
    now: datetime,
) -> Decision | Needs:
    """Take off sale what is named and is not off yet; look at the rest when a timer says so."""
    if not matter.is_open():
        matter = replace(matter, commands=(), timers=frozenset(), stage=None)  # what an earlier episode left
    place, looking = matter.subject, isinstance(event, TimerFired)
    written = named_in(case.model_copy(update={"files": ()}), place, facts, settings)
    needs = facts.lacking([*list_needs(case, place, settings), *lookups(written, settings)])
    if needs:
        return Needs(needs=needs)
    named, known = named_in(case, place, facts, settings), standing.recalled(matter)
    # Three rounds are all there are: what only a list's categories hold is read by the next look.
    early, _ = named_products(replace(written, skus=named.skus), facts, settings)
    if len(early) > settings.most_products:
        return _too_many(event, matter, len(early), settings, now)
    wanted = [*lookups(named, settings), *product_needs(dict.fromkeys((*early, *known)))]
    if looking and settings.list_orders:
        wanted += [Need(fact="product_orders", subject=each, required=False) for each in known]
    needs = facts.lacking(wanted)
    if needs:
        return Needs(needs=needs)
    found, vain = named_products(named, facts, settings)
    spreads = spread(found, vain, known, standing.in_force(matter, PRODUCTS), facts, settings)
    count = len({*spreads.products, *known})
    if count > settings.most_products:
        return _too_many(event, matter, count, settings, now)
    decision = _decided(Look(event, matter, case, settings, named, spreads, tuple(known)), begins, now)
    if not (looking and settings.list_orders):
        return decision
    return decision.model_copy(update={"commands": (*decision.commands, *affected.orders(matter, known, facts))})


def _decided(look: Look, begins: str | None, now: datetime) -> Decision:
    matter, new, back, first = look.matter, look.new, look.back, not look.matter.is_open()
    again = back if look.settings.suppress_again else ()
    note = f"Recall, case {look.case.number or look.case.id}"[:200]
    commands: list[Command] = [SuppressProduct(name=str(p), target=p, note=note) for p in (*new, *again)]
    commands += _notices(look)
    comments, alerts = telling.told(look, begins)
    unknown = bool(look.spreads.unknown or look.named.unread)
    timers, cancelled = _next_look(matter, look.settings, now, new=bool(new), unknown=unknown)
    on = f"{begins} is in start_on" if begins else "the recall goes on until the case says one of end_on"
    over = f", {len(back)} are on sale again (suppress_again: {str(look.settings.suppress_again).lower()})"
    return Decision(
        reason=f"{on}: {len(new)} products to be taken off sale, {len(look.known)} were{over if back else ''}",
        findings=_findings(look),
        commands=(*commands, *comments),
        timers=timers,
        cancel_timers=cancelled,
        alert="; ".join(alerts) or None,
        stage=RECALLED if first or (new and matter.stage != RECALLED) else None,
        acted_on=ActedOn(outcome=begins, revision=look.case.revision) if first and begins else None,
    )


def _findings(look: Look) -> tuple[Finding, ...]:
    """Grounds hold the episode: a recall that was ended and begun again is another one."""
    matter, event = look.matter, look.event
    if not matter.is_open():
        return (_begun(event, matter, f"{len(look.new)} products are recalled"),)
    found = []
    if look.new:
        ground = digest_of("recalled_later", matter.episode, standing.undone(matter), sorted(map(str, look.new)))
        summary = f"{len(look.new)} products were added to the recall"
        found.append(Finding(exception="recalled_later", ground=ground, summary=summary, arose_at=event.time))
    if look.back and isinstance(event, TimerFired):
        ground = digest_of("on_sale_again", matter.episode, event.due.isoformat(), sorted(map(str, look.back)))
        summary = f"{len(look.back)} recalled products were on sale again"
        found.append(Finding(exception="on_sale_again", ground=ground, summary=summary, arose_at=event.time))
    return tuple(each for each in found if not matter.has(each.exception, each.ground))


def _begun(event: Event, matter: Matter, summary: str) -> Finding:
    ground = digest_of("recall", str(matter.subject), matter.episode + 1)
    return Finding(exception="recall", ground=ground, summary=summary, arose_at=event.time)


def _notices(look: Look) -> list[Command]:
    """Notices of what is new, and of everything when the texts are others than they were."""
    pages, checkouts = texts_of(look.case, look.settings)
    changed = telling.texts_changed(look)
    found: list[Command] = []
    if pages:
        shown = (*look.known, *look.new) if changed else look.new
        found += [ShowNotice(name=str(each), target=each, place="product", texts=pages) for each in shown]
    if checkouts:
        there = set() if changed else set(standing.in_force(look.matter, NOTICES))
        shops = sorted(look.settings.shops.items())
        sites = [site for shop, ids in shops for id_ in ids if (site := Subject(shop, "site", id_)) not in there]
        found += [ShowNotice(name=str(each), target=each, place="checkout", texts=checkouts) for each in sites]
    return found if look.new or look.known else []


def _next_look(
    matter: Matter, settings: RecallsSettings, now: datetime, *, new: bool, unknown: bool
) -> tuple[tuple[Timer, ...], tuple[str, ...]]:
    """One timer: soon for what is new and was not read yet, hourly for what cannot be found, else by `look_hours`."""
    waiting = tuple(sorted(name for name in matter.timers if name.startswith(_LOOK)))
    if waiting and not new:
        return (), ()
    due = now + (_SOON if new else _UNKNOWN if unknown else timedelta(hours=settings.look_hours))
    timer = Timer(name=f"{_LOOK}{due:%Y%m%dT%H%M%S.%fZ}", due=due)
    return (timer,), tuple(name for name in waiting if name != timer.name)


def _too_many(event: Event, matter: Matter, count: int, settings: RecallsSettings, now: datetime) -> Decision:
    why = f"it names {count} products, more than most_products ({settings.most_products})"
    timers, _ = _next_look(matter, settings, now, new=False, unknown=False)
    name = f"too-many:{count}"
    if matter.command("CommentCase", name) is not None:
        return Decision(reason=f"nothing more is done: {why}; said before", timers=timers)
    text = f"Nothing more is done: {why}. Is the list right? If so, raise the setting."
    return Decision(
        reason=f"nothing more is done: {why}",
        findings=() if matter.is_open() else (_begun(event, matter, why),),
        commands=(comment(name, text),),
        timers=timers,
        alert=f"{matter.subject}: a recall waits: {why}",
        alert_kind="too-many",
    )
