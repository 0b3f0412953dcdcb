"""What a page of the console is: it is asked, reads, and says what is to be shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from caseconnect.host.alerting.causes import page_of
from caseconnect.host.journal import Journal
from caseconnect.host.tenants.tenant import Tenant
from caseconnect.host.web.console.people import Person, Role


@dataclass(frozen=True)
class Account:
    """A remote account as the pipeline's pace has it: `rate` a second, `burst` at once; infinite: it is not paced.

    `left` is how much of the burst is there now, `speed` the share of the rate in force after refusals, `waiting` how
    many requests wait for their turn. `token_ends`: when the access token at hand ends; it is renewed by itself.
    """

    name: str
    rate: float
    burst: float
    left: float
    speed: float
    waiting: int
    token_ends: datetime | None = None


@dataclass(frozen=True)
class Live:
    """What only the running pipeline knows.

    `refused`: tenants that could not be started, with why. `unbuilt`: connections (tenant, name) that could not be
    built, with why. `accounts`: by connection. `not_ready`: why no delivery is taken; None: all is well.
    """

    refused: Mapping[str, str] = field(default_factory=dict)
    unbuilt: Mapping[tuple[str, str], str] = field(default_factory=dict)
    accounts: Mapping[tuple[str, str], Account] = field(default_factory=dict)
    not_ready: str | None = None


@dataclass(frozen=True)
class Ask:
    """One request for a page. `journal` reads only, in this thread; `path` has the parts in braces of its path.

    `runbook` is where the page of an alert's cause is: an address, or its path in the documentation.
    """

    person: Person
    query: Mapping[str, str]
    path: Mapping[str, str]
    journal: Journal
    tenants: Mapping[str, Tenant]
    now: datetime
    live: Live
    runbook: Callable[[str], str] = page_of


@dataclass(frozen=True)
class Shown:
    """An answer: the template's file name, its values, the title, the status."""

    template: str
    values: Mapping[str, object]
    title: str
    status: int = 200


@dataclass(frozen=True)
class Page:
    """A page at `path` (`/orders/{tenant}/{subject:path}`); `show` reads only. With `menu` it stands in the menu so.

    `look`: what each look at it is called in the audit; empty: looks are not kept.
    """

    path: str
    show: Callable[[Ask], Shown]
    menu: str = ""
    role: Role = Role.VIEWER
    look: str = ""
