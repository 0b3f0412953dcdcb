"""The rules for use cases: a well-made toy passes, and each rule catches the toy that breaks it."""

from __future__ import annotations

import random  # noqa: TID251 - a broken toy uses it
import time
import types
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import Field

from caseconnect.models import Customer
from caseconnect.sdk.commands import CASE, CommentCase, HoldOrder, OpenCase, digest_of
from caseconnect.sdk.components import Registrar, Settings, TransformSpec
from caseconnect.sdk.decisions import Decision, Finding, Matter, Need, Needs, Timer
from caseconnect.sdk.events import OrderChanged
from caseconnect.sdk.hookspecs import hookimpl
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import ContractBroken, PluginContract, Situation, TransformContract

NOW = datetime(2026, 2, 1, tzinfo=UTC)
SHOPPER = Subject("shop", "customer", "7")
ORDER = Subject("shop", "order", "1")


class ToyPolicy(Settings):
    """Settings of the toy."""

    note: str = Field("vip", description="Note that makes a case.")


def decide(event: Any, matter: Matter, facts: Any, settings: ToyPolicy, now: datetime) -> Decision | Needs:
    """A case for shoppers with a note."""
    shopper = facts.get("customer", SHOPPER, Customer)
    if shopper is None:
        return Needs(needs=(Need(fact="customer", subject=SHOPPER, required=False),))
    if not isinstance(shopper, Customer) or shopper.note != settings.note:
        return Decision(reason="note: not the one")
    finding = Finding(exception="vip", ground=digest_of(shopper.note), summary="a note", arose_at=now)
    if matter.has("vip", finding.ground):
        return Decision(reason="note: known already")
    return Decision(
        reason="note: as wanted",
        findings=(finding,),
        commands=(
            HoldOrder(target=matter.subject),
            OpenCase(title="VIP", description="See."),
            CommentCase(name="greet", text="Hello", after=(CASE,)),
        ),
        timers=(Timer(name="remind", due=now + timedelta(days=1)),),
    )


def make_plugin(decide: Any, **changes: Any) -> types.ModuleType:
    plugin = types.ModuleType("toy_rules")
    fields: dict[str, Any] = {
        "name": "toy",
        "summary": "A toy",
        "settings": ToyPolicy,
        "topic": "vip",
        "handles": frozenset({OrderChanged}),
        "needs": frozenset({"customer"}),
        "uses": frozenset({HoldOrder, OpenCase, CommentCase}),
        "exceptions": ("vip",),
        "decide": decide,
        "example": "note: vip",
    }

    @hookimpl
    def connect_register_transforms(register: Registrar[TransformSpec]) -> None:
        register.add(TransformSpec(**{**fields, **changes}))

    plugin.connect_register_transforms = connect_register_transforms  # type: ignore[attr-defined]
    return plugin


class ToyRules(TransformContract):
    plugin = make_plugin(decide)

    def situations(self) -> Any:
        event = OrderChanged(subject=ORDER, time=NOW)
        vip = {("customer", SHOPPER): Customer(id="7", note="vip")}
        return [Situation(event, NOW, vip, opens=True, name="vip"), Situation(event, NOW, name="nobody")]


class TestToyPlugin(PluginContract):
    plugin = make_plugin(decide)


class TestToyRules(ToyRules):
    pass


def changing(**changes: Any) -> Any:
    """The toy, with other fields in a decision that finds something."""

    def broken(*given: Any) -> Any:
        answer = decide(*given)
        if isinstance(answer, Decision) and answer.findings:
            return answer.model_copy(update={k: v(answer) for k, v in changes.items()})
        return answer

    return broken


def random_reason(*given: Any) -> Any:
    answer = decide(*given)
    return answer.model_copy(update={"reason": str(random.random())}) if isinstance(answer, Decision) else answer


def clock(*given: Any) -> Any:
    time.time()
    return decide(*given)


CALLS: list[int] = []


def remembers(*given: Any) -> Any:
    CALLS.append(1)
    answer = decide(*given)
    return answer.model_copy(update={"reason": str(len(CALLS))}) if isinstance(answer, Decision) else answer


def silent(*given: Any) -> Any:
    answer = decide(*given)
    return answer if isinstance(answer, Needs) else Decision.model_construct(**{**dict(answer), "reason": " "})


def greedy(event: Any, *given: Any) -> Any:
    return Needs(needs=(Need(fact="customer", subject=SHOPPER, required=False),))


def other_fact(event: Any, matter: Any, facts: Any, *given: Any) -> Any:
    need = Need(fact="weather", subject=SHOPPER, required=False)
    return Needs(needs=(need,)) if facts.lacking([need]) else decide(event, matter, facts, *given)


def forgets(event: Any, matter: Matter, *given: Any) -> Any:
    """Looks at no matter, and takes another ground each time."""
    answer = decide(event, Matter(matter.subject, matter.topic), *given)
    if isinstance(answer, Needs):
        return answer
    found = [f.model_copy(update={"ground": f"{len(matter.findings)}"}) for f in answer.findings]
    return answer.model_copy(update={"findings": tuple(found)})


def nags(*given: Any) -> Any:
    """A comment with another name each time that the matter has grown."""
    answer = decide(*given)
    if isinstance(answer, Needs):
        return answer
    return answer.model_copy(update={"commands": (CommentCase(name=str(len(given[1].commands)), text="again"),)})


def stumbles(event: Any, matter: Any, facts: Any, *given: Any) -> Any:
    shopper = facts.get("customer", SHOPPER, Customer)
    assert shopper is None or shopper.note
    return decide(event, matter, facts, *given)


BROKEN = [
    ("decide_is_pure", random_reason, {}),
    ("decide_is_pure", clock, {}),
    ("decide_is_pure", remembers, {}),
    ("decide_is_pure", greedy, {}),
    ("decide_is_pure", other_fact, {}),
    ("decisions_keep_to_the_spec", silent, {}),
    ("decisions_keep_to_the_spec", decide, {"uses": frozenset({OpenCase})}),
    ("decisions_keep_to_the_spec", decide, {"exceptions": ("other",)}),
    ("decisions_keep_to_the_spec", changing(commands=lambda a: (*a.commands, *a.commands)), {}),
    ("decisions_keep_to_the_spec", changing(commands=lambda a: (CommentCase(text="x", after=("Opn",)),)), {}),
    ("decisions_keep_to_the_spec", changing(findings=lambda a: ()), {}),
    ("missing_facts_are_survived", stumbles, {}),
    ("deciding_again_asks_for_nothing_new", forgets, {}),
    ("deciding_again_asks_for_nothing_new", nags, {}),
    ("spec_names_what_there_is", decide, {"handles": frozenset()}),
    ("spec_names_what_there_is", decide, {"uses": frozenset({int})}),
    ("example_is_valid", decide, {"example": "nte: vip"}),
]


@pytest.mark.parametrize(("rule", "rules", "changes"), BROKEN, ids=[f"{i}-{r}" for i, (r, *_) in enumerate(BROKEN)])
def test_transform_rule_catches(rule: Any, rules: Any, changes: Any) -> None:
    tried = type("Tried", (ToyRules,), {"plugin": make_plugin(rules, **changes)})()
    with pytest.raises((ContractBroken, AttributeError, ValueError)):
        getattr(tried, f"test_{rule}")()


def test_situation_without_an_event_of_the_spec_is_caught() -> None:
    tried = type("Tried", (ToyRules,), {"situations": lambda self: []})()
    with pytest.raises(ContractBroken, match="OrderChanged"):
        tried.test_situations_cover_the_spec()
