"""Toy platforms and use cases, and a folder to write tenant files to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field, field_validator

from caseconnect.host.plugins import Installed, Plugin
from caseconnect.host.tenants import TenantSet, load_tenants
from caseconnect.models import Case, Money, Order, OrderHistory
from caseconnect.sdk.commands import AnnotateOrder, Command, CommentCase, HoldOrder, OpenCase
from caseconnect.sdk.components import (
    Every,
    Pacing,
    Repeat,
    Settings,
    SinkSpec,
    SourceSpec,
    TransformSpec,
    TriggerSpec,
    Webhook,
)
from caseconnect.sdk.events import CaseChanged, CommandSettled, Event, OrderChanged, TimerFired
from caseconnect.sdk.secrets import Secret


class Login(Settings):
    """How the toy shop is entered."""

    user: str = Field(description="Name.")
    password: Secret = Field(description="Password.")
    old_passwords: tuple[Secret, ...] = Field(default=(), description="Former ones.")


class ToyShop(Settings):
    """Settings of the toy shop."""

    shop: str = Field(description="Name of the shop.")
    login: Login = Field(description="How to log in.")
    page_size: int = Field(default=50, ge=1, le=250, description="Orders a page.")
    regions: dict[str, Login] = Field(default_factory=dict, description="By region.")

    @field_validator("shop")
    @classmethod
    def _named(cls, value: str) -> str:
        if value == "crash":
            raise ZeroDivisionError("the plugin's own fault")
        if "." not in value:
            raise ValueError("write the whole domain, such as acme.example")
        return value


class ToyCases(Settings):
    """Settings of the toy case management."""

    url: str = Field(default="http://cases.example", description="Where it is.")


class Rules(Settings):
    """Settings of the toy use cases."""

    hold: bool = Field(default=True, description="Hold the order.")
    thresholds: dict[str, Decimal] = Field(default_factory=dict, description="By currency.")
    limit: Money | None = Field(default=None, description="An amount.")
    exceptions: tuple[Literal["high_risk", "high_value"], ...] = Field(default=(), description="Which count.")


def _unused(*_: Any) -> Any:
    raise AssertionError("reading a tenant file must not build or decide anything")


def source(
    name: str, settings: type[Settings], emits: set[type[Event]], facts: dict[str, Any], *roots: str
) -> SourceSpec:
    return SourceSpec(
        name,
        "A toy.",
        settings,
        build=_unused,
        account=lambda given: f"{name} {getattr(given, 'shop', '')}",
        emits=frozenset(emits),
        facts=facts,
        roots=frozenset(roots),
        pacing=Pacing(1, 1),
    )


def sink(name: str, settings: type[Settings], *commands: type[Command]) -> SinkSpec:
    return SinkSpec(name, "A toy.", settings, build=_unused, commands=dict.fromkeys(commands, Repeat.STATE))


def rule(name: str, handles: set[type[Event]], needs: set[str], uses: set[type[Command]], **more: Any) -> TransformSpec:
    return TransformSpec(
        name,
        f"The {name} rule.",
        Rules,
        topic="toys",
        handles=frozenset(handles),
        needs=frozenset(needs),
        uses=frozenset(uses),
        decide=_unused,
        **more,
    )


def _installed() -> Installed:
    made = Installed()
    shop_facts = {"order": Order, "order_history": OrderHistory}
    made.sources = {
        "toyshop": source("toyshop", ToyShop, {OrderChanged}, shop_facts, "order"),
        "plainshop": source("plainshop", ToyCases, {OrderChanged}, {"order": Order}, "order"),
        "toycases": source("toycases", ToyCases, {CaseChanged}, {"case": Case}),
    }
    made.sinks = {
        "toyshop": sink("toyshop", ToyShop, HoldOrder, AnnotateOrder),
        "toycases": sink("toycases", ToyCases, OpenCase, CommentCase),
    }
    made.triggers = {
        "toyshop": TriggerSpec(
            "toyshop",
            "Wakes it.",
            ToyShop,
            wakes=lambda s: [Webhook("x-sign", ("login",), "x-topic", "x-id"), Every(timedelta(minutes=10))],
        )
    }
    review: set[type[Event]] = {OrderChanged, CaseChanged, CommandSettled, TimerFired}
    made.transforms = {
        "review": rule("review", review, {"order", "order_history", "case"}, {OpenCase, CommentCase, HoldOrder}),
        "watch": rule("watch", {OrderChanged}, {"order"}, set()),
        "follow": rule("follow", {CaseChanged, CommandSettled}, {"case"}, {AnnotateOrder}, follows=True),
    }
    made.plugins = [
        Plugin("sick", "toys-sick", "1", broken="connect_register_sinks failed: ValueError: no"),
        Plugin("asleep", "toys-asleep", "1", disabled=True),
    ]
    return made


@pytest.fixture
def installed() -> Installed:
    return _installed()


GOOD = """\
tenant: acme
environment: production
connections:
  shop:
    platform: toyshop
    settings: {shop: acme.example, login: {user: me, password: {env: TOY_PASSWORD}}}
  cases: {platform: toycases}
flows:
  - use: review
"""


@pytest.fixture
def good() -> str:
    return GOOD


@pytest.fixture
def read(tmp_path: Path, installed: Installed) -> Callable[..., TenantSet]:
    """Write one tenant file, or several given by name, and load the folder."""

    def loaded(text: str | bytes = "", **files: str) -> TenantSet:
        for name, content in {"acme": text, **files}.items():
            raw = content if isinstance(content, bytes) else content.encode()
            (tmp_path / f"{name}.yaml").write_bytes(raw)
        return load_tenants(tmp_path, installed)

    return loaded
