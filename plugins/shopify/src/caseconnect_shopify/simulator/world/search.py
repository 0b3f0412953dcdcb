"""The order search index: Shopify's filter syntax as far as connectors use it, sorting, and an index that lags.

Semantics from the API reference, version 2026-10: terms are joined by AND, dates must be quoted, an unknown filter is
ignored and told in `extensions.search[].warnings`, which turns a misspelt filter into a full scan.
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from .money import financial_status, fulfillment_status, total
from .records import Order

TERM = re.compile(
    r"(?P<minus>-)?(?:(?P<field>[A-Za-z_][\w.]*):)?(?P<op>>=|<=|>|<)?"
    r"""(?P<value>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s()]+)"""
)
DATES = frozenset({"created_at", "updated_at", "processed_at"})
RISK_ORDER = ("HIGH", "MEDIUM", "LOW", "PENDING", "NONE")


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index knows of an order: its state when it was indexed, which may be older than the order."""

    id: int
    created_at: datetime
    updated_at: datetime
    processed_at: datetime
    customer_id: int | None
    email: str
    name: str
    tags: frozenset[str]
    risk_level: str
    financial_status: str
    fulfillment_status: str
    return_status: str
    status: str
    test: bool
    total: Decimal


def entry_of(order: Order) -> Entry:
    """An order as the index sees it."""
    levels = {a.level for a in order.assessments}
    return Entry(
        id=order.id,
        created_at=order.created_at,
        updated_at=order.updated_at,
        processed_at=order.processed_at,
        customer_id=order.customer.id if order.customer else None,
        email=(order.email or "").casefold(),
        name=order.name.casefold(),
        tags=frozenset(t.casefold() for t in order.tags),
        risk_level=next((level for level in RISK_ORDER if level in levels), "NONE").casefold(),
        financial_status=(financial_status(order) or "pending").casefold(),
        fulfillment_status=fulfillment_status(order).casefold(),
        return_status=order.return_status.casefold(),
        status="cancelled" if order.cancelled_at else "closed" if order.closed_at else "open",
        test=order.test,
        total=total(order),
    )


SORTS: dict[str, Callable[[Entry], Any]] = {
    "ID": lambda e: 0,
    "CREATED_AT": lambda e: e.created_at,
    "UPDATED_AT": lambda e: e.updated_at,
    "PROCESSED_AT": lambda e: e.processed_at,
    "ORDER_NUMBER": lambda e: e.name,
    "CUSTOMER_NAME": lambda e: e.email,
    "FINANCIAL_STATUS": lambda e: e.financial_status,
    "FULFILLMENT_STATUS": lambda e: e.fulfillment_status,
    "TOTAL_PRICE": lambda e: e.total,
    "RELEVANCE": lambda e: 0,
}

EQUALS: dict[str, Callable[[Entry, str], bool]] = {
    "id": lambda e, v: str(e.id) == v,
    "customer_id": lambda e, v: e.customer_id is not None and str(e.customer_id) == v.rsplit("/", 1)[-1],
    "email": lambda e, v: e.email == v,
    "name": lambda e, v: e.name.lstrip("#") == v.lstrip("#"),
    "tag": lambda e, v: v in e.tags,
    "tag_not": lambda e, v: v not in e.tags,
    "risk_level": lambda e, v: e.risk_level == v,
    "financial_status": lambda e, v: e.financial_status == v,
    "fulfillment_status": lambda e, v: (
        e.fulfillment_status == v or (v == "shipped" and e.fulfillment_status == "fulfilled")
    ),
    "return_status": lambda e, v: e.return_status == v,
    "status": lambda e, v: v in {"any", e.status} or (v == "not_closed" and e.status == "open"),
    "test": lambda e, v: e.test is (v == "true"),
}

Test = Callable[[Entry], bool]


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed search: its tests and warnings; `since` (lowest `updated_at`) and `customer_id` when it names them."""

    tests: tuple[Test, ...]
    since: datetime | None
    customer_id: int | None
    warnings: tuple[dict[str, Any], ...]
    parsed: tuple[str, ...]


def parse(
    text: str, equals: Mapping[str, Callable[[Any, str], bool]] | None = None, dates: frozenset[str] = DATES
) -> Query:
    """Reads a search; what it cannot use becomes a warning, never an error, as at Shopify. Orders by default."""
    equals = EQUALS if equals is None else equals
    tests: list[Test] = []
    warnings: list[dict[str, Any]] = []
    parsed: list[str] = []
    since: datetime | None = None
    customer: int | None = None
    for match in TERM.finditer(text):
        name, op, negated = match["field"], match["op"] or "", bool(match["minus"])
        value = _unquote(match["value"])
        if name is None:
            if value in {"AND", "(", ")"}:
                continue
            tests.append(_negate(_anywhere(value.casefold()), negated))
            continue
        test = _test(name, op, value, equals, dates)
        if isinstance(test, dict):
            warnings.append(test)
            continue
        parsed.append(f"{name}:{op}{value}")
        tests.append(_negate(test, negated))
        if name == "updated_at" and op in {">", ">="} and not negated:
            since = max(since, _instant(value)) if since else _instant(value)
        if name == "customer_id" and not negated and value.rsplit("/", 1)[-1].isdigit():
            customer = int(value.rsplit("/", 1)[-1])
    return Query(tuple(tests), since, customer, tuple(warnings), tuple(parsed))


def _test(
    name: str, op: str, value: str, known: Mapping[str, Callable[[Any, str], bool]], dates: frozenset[str]
) -> Test | dict[str, Any]:
    if name in dates:
        try:
            moment = _instant(value)
        except ValueError:
            return _warning(name, "invalid_value", f"Invalid value: {value!r} is not a date.")
        return lambda e: _compare(getattr(e, name), op, moment)
    equals = known.get(name)
    if equals is None or op:
        return _warning(name, "invalid_field", "Invalid search field for this query.")
    wanted = value.casefold()
    return lambda e: equals(e, wanted)


def _warning(name: str, code: str, message: str) -> dict[str, Any]:
    return {"field": name, "message": message, "code": code}


def _unquote(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value[0] in "'\"" and len(value) > 1 else value


def _negate(test: Test, negated: bool) -> Test:
    return (lambda e: not test(e)) if negated else test


def _anywhere(word: str) -> Test:
    return lambda e: word in e.email or word.lstrip("#") in e.name or word in e.tags


def _instant(value: str) -> datetime:
    if value == "now":
        raise ValueError(value)
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _compare(have: datetime, op: str, want: datetime) -> bool:
    match op:
        case ">=":
            return have >= want
        case "<=":
            return have <= want
        case ">":
            return have > want
        case "<":
            return have < want
        case _:
            return have == want


class OrderIndex:
    """Entries become visible `lag` seconds after the change they tell of."""

    def __init__(self, lag: float) -> None:
        self.lag = lag
        self.generation = 0
        self._entries: dict[int, Entry] = {}
        self._by_updated: list[tuple[datetime, int]] = []
        self._by_customer: dict[int, set[int]] = {}
        self._waiting: deque[tuple[datetime, Entry]] = deque()
        self._cached: tuple[Any, list[Entry]] | None = None

    def put(self, order: Order, now: datetime) -> None:
        """Tells the index that an order changed now."""
        if self.lag > 0:
            self._waiting.append((now + timedelta(seconds=self.lag), entry_of(order)))
        else:
            self._store(entry_of(order))

    def visible_at(self, now: datetime) -> datetime:
        """When the search sees a change of now."""
        return now + timedelta(seconds=self.lag)

    def find(self, text: str, sort: str, reverse: bool, now: datetime) -> tuple[list[Entry], Query]:
        """The entries that match, in order (ties by id), and how the search was read."""
        self._refresh(now)
        query = parse(text)
        key = (text, sort, reverse, self.generation)
        if self._cached and self._cached[0] == key:
            return self._cached[1], query
        found = [e for e in self._candidates(query) if all(test(e) for test in query.tests)]
        rank = SORTS.get(sort, SORTS["ID"])
        found.sort(key=lambda e: (rank(e), e.id), reverse=reverse)
        self._cached = (key, found)
        return found, query

    def _candidates(self, query: Query) -> Iterable[Entry]:
        if query.customer_id is not None:
            return [self._entries[i] for i in self._by_customer.get(query.customer_id, ())]
        if query.since is not None:
            start = bisect_left(self._by_updated, (query.since, 0))
            return [self._entries[i] for _, i in self._by_updated[start:]]
        return self._entries.values()

    def _refresh(self, now: datetime) -> None:
        while self._waiting and self._waiting[0][0] <= now:
            self._store(self._waiting.popleft()[1])

    def _store(self, entry: Entry) -> None:
        old = self._entries.get(entry.id)
        if old is not None:
            del self._by_updated[bisect_left(self._by_updated, (old.updated_at, old.id))]
            if old.customer_id is not None:
                self._by_customer[old.customer_id].discard(old.id)
        self._entries[entry.id] = entry
        insort(self._by_updated, (entry.updated_at, entry.id))
        if entry.customer_id is not None:
            self._by_customer.setdefault(entry.customer_id, set()).add(entry.id)
        self.generation += 1
