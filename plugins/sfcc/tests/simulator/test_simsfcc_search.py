"""`order_search`: every operator against a plain filter, the real faults, the lag, pages and selectors."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caseconnect_sfcc.simulator import InstanceSettings, SfccSettings, create_order

BASE = datetime(2026, 11, 1, tzinfo=UTC)
EMAILS = ["ann@shop.example", "bob@shop.example", "ann.bob@mail.example"]
STATUSES = ["created", "new", "open", "completed", "cancelled", "failed"]
EXPORTS = ["exported", "not_exported", "ready", "failed"]
PRODUCTS = ["sku-1", "sku-2", "sku-3"]
METHODS = ["CREDIT_CARD", "PayPal"]

SPECS: list[dict[str, Any]] = [
    {
        "status": STATUSES[n % 6],
        "export": EXPORTS[n % 4],
        "currency": ["USD", "EUR"][n % 2],
        "age_seconds": 3600 * (n % 7),
        "customer": {"email": EMAILS[n % 3], "customerName": ["Ann Lee", "Bob Lee", ""][n % 3]},
        "lines": [{"product_id": PRODUCTS[(n + k) % 3], "price": str(10 * (n % 5) + 1)} for k in range(1 + n % 2)],
        "payments": [{"method": METHODS[n % 2], **({} if n % 2 else {"card": {"cardType": "Visa"}})}],
        "external_status": [None, "held", "sent"][n % 3],
        "custom": {
            "SignifydFraudScore": n * 7 % 40,
            **({"onHold": n % 4 == 0} if n % 2 else {}),
            **({"promisedDate": f"2026-11-0{1 + n % 5}T00:00:00.000Z"} if n % 3 else {}),
            **({"tags": ["vip", "repeat"][: 1 + n % 2]} if n % 5 == 0 else {}),
        },
    }
    for n in range(24)
]


def moment(text: Any) -> Any:
    return datetime.fromisoformat(text)


def values(spec: Any, name: Any) -> Any:
    """What a field means, said a second time and from the specification instead of from the order."""
    custom = spec["custom"]
    if name.startswith("c_"):
        found = custom.get(name[2:])
        if name == "c_promisedDate" and found is not None:
            return [moment(found)]
        return [] if found is None else found if isinstance(found, list) else [found]
    plain = {
        "status": spec["status"],
        "export_status": spec["export"],
        "currency_code": spec["currency"],
        "customer_email": spec["customer"]["email"],
        "customer_name": spec["customer"]["customerName"] or None,
        "external_order_status": spec["external_status"],
        "creation_date": moment("2026-11-03T09:30:00Z") - timedelta(seconds=spec["age_seconds"]),
    }
    if name == "product_items.product_id":
        return [line["product_id"] for line in spec["lines"]]
    if name == "payment_instruments.payment_method_id":
        return [each["method"] for each in spec["payments"]]
    return [] if plain[name] is None else [plain[name]]


def words(text: Any) -> Any:
    return set("".join(c.lower() if c.isalnum() else " " for c in text).split())


def sent(value: Any) -> Any:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value


TEXTS = {
    "status": STATUSES,
    "export_status": EXPORTS,
    "currency_code": ["USD", "EUR", "CHF"],
    "customer_email": [*EMAILS, "nobody@shop.example"],
    "external_order_status": ["held", "sent", "lost"],
    "product_items.product_id": [*PRODUCTS, "sku-9"],
    "payment_instruments.payment_method_id": METHODS,
    "c_tags": ["vip", "repeat", "new"],
}
ORDERED = {
    "c_SignifydFraudScore": st.integers(-1, 41),
    "creation_date": st.integers(0, 8).map(lambda n: moment("2026-11-03T09:30:00Z") - timedelta(hours=n)),
    "c_promisedDate": st.integers(1, 6).map(lambda n: moment(f"2026-11-0{n}T00:00:00Z")),
}


def term(query: Any) -> Any:
    """A term as (wire form, test)."""

    def of(drawn: Any) -> Any:
        name, operator, given_values = drawn
        body = {"operator": operator}
        if operator not in {"is_null", "is_not_null"}:
            body["values"] = [sent(each) for each in given_values]
        first = given_values[0]
        tests: Any = {
            "is": lambda own: first in own,
            "one_of": lambda own: bool(set(own) & set(given_values)),
            "is_null": lambda own: own == [],
            "is_not_null": lambda own: own != [],
            "less": lambda own: any(each < first for each in own),
            "greater": lambda own: any(each > first for each in own),
            "not_in": lambda own: not set(own) & set(given_values),
            "neq": lambda own: first not in own,
        }
        wire = {"term_query": {"fields": [name], **body}} if query else {"term_filter": {"field": name, **body}}
        return wire, lambda spec: tests[operator](values(spec, name))

    single = ["is", "neq"]
    several = ["one_of", "not_in"]
    none = ["is_null", "is_not_null"]
    text = st.sampled_from(sorted(TEXTS)).flatmap(
        lambda name: st.one_of(
            st.tuples(
                st.just(name),
                st.sampled_from([*single, *none]),
                st.lists(st.sampled_from(TEXTS[name]), min_size=1, max_size=1),
            ),
            st.tuples(st.just(name), st.sampled_from(several), st.lists(st.sampled_from(TEXTS[name]), min_size=1)),
        )
    )
    number = st.sampled_from(sorted(ORDERED)).flatmap(
        lambda name: st.tuples(
            st.just(name),
            st.sampled_from([*single, *none, "less", "greater"]),
            st.lists(ORDERED[name], min_size=1, max_size=1),
        )
    )
    return st.one_of(text, number).map(of)


def text_query() -> Any:
    def of(drawn: Any) -> Any:
        names, phrase = drawn
        wire = {"text_query": {"fields": names, "search_phrase": phrase}}
        return (
            wire,
            lambda spec: (
                words(phrase) <= {word for name in names for each in values(spec, name) for word in words(each)}
            ),
        )

    fields = st.lists(st.sampled_from(["customer_email", "customer_name", "currency_code"]), min_size=1, unique=True)
    return st.tuples(fields, st.sampled_from(["ann", "ANN lee", "shop.example", "bob usd", "nobody", "lee*"])).map(of)


def range_filter() -> Any:
    def of(drawn: Any) -> Any:
        name, low, high, with_low, with_high = drawn
        body = {"field": name}
        body |= {} if low is None else {"from": sent(low), "from_inclusive": with_low}
        body |= {} if high is None else {"to": sent(high), "to_inclusive": with_high}

        def test(spec: Any) -> Any:
            return any(
                (low is None or each > low or (with_low and each == low))
                and (high is None or each < high or (with_high and each == high))
                for each in values(spec, name)
            )

        return {"range_filter": body}, test

    def drawn(name: Any) -> Any:
        bound = st.none() | ORDERED[name]
        pairs = st.tuples(bound, bound).filter(lambda pair: pair != (None, None))
        flags = st.tuples(st.booleans(), st.booleans())
        return st.tuples(pairs, flags).map(lambda each: (name, *each[0], *each[1]))

    return st.sampled_from(sorted(ORDERED)).flatmap(drawn).map(of)


def bool_query(children: Any) -> Any:
    def of(drawn: Any) -> Any:
        parts = {name: found for name, found in zip(("must", "should", "must_not"), drawn, strict=True) if found}
        wire = {"bool_query": {name: [each[0] for each in found] for name, found in parts.items()}}
        must, should, must_not = drawn

        def test(spec: Any) -> Any:
            if not all(each[1](spec) for each in must):
                return False
            if should and not any(each[1](spec) for each in should):
                return False
            return not (must_not and all(each[1](spec) for each in must_not))

        return wire, test

    part = st.lists(children, max_size=2)
    return st.tuples(part, part, part).map(of)


def bool_filter(children: Any) -> Any:
    def of(drawn: Any) -> Any:
        operator, parts = drawn
        combined = {
            "and": lambda spec: all(each[1](spec) for each in parts),
            "or": lambda spec: any(each[1](spec) for each in parts),
            "not": lambda spec: not all(each[1](spec) for each in parts),
        }
        wire = {"bool_filter": {"operator": operator, "filters": [each[0] for each in parts]}}
        return wire, combined[operator]

    return st.tuples(st.sampled_from(["and", "or", "not"]), st.lists(children, min_size=1, max_size=3)).map(of)


def filtered(queries: Any, filters: Any) -> Any:
    def of(drawn: Any) -> Any:
        query, narrow = drawn
        wire = {"filtered_query": {"query": query[0], "filter": narrow[0]}}
        return wire, lambda spec: query[1](spec) and narrow[1](spec)

    return st.tuples(queries, filters).map(of)


MATCH_ALL: Any = st.just(({"match_all_query": {}}, lambda spec: True))
LEAVES = st.one_of(MATCH_ALL, term(query=True), text_query())
QUERY_FILTER = LEAVES.map(lambda each: ({"query_filter": {"query": each[0]}}, each[1]))
FILTERS = st.recursive(st.one_of(term(query=False), range_filter(), QUERY_FILTER), bool_filter, max_leaves=4)
QUERIES = st.recursive(LEAVES, lambda inner: st.one_of(bool_query(inner), filtered(inner, FILTERS)), max_leaves=6)


@pytest.fixture
def full(make_world: Any) -> Any:
    world = make_world(SfccSettings(instances=(InstanceSettings(index_lag=0),)))
    world.numbers = [create_order(world.instance, spec).number for spec in SPECS]
    return world


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(QUERIES)
def test_search_finds_what_a_plain_filter_finds(full: Any, query: Any) -> None:
    wire, test = query
    expected = [number for number, spec in zip(full.numbers, SPECS, strict=True) if test(spec)]
    body = full.search(wire, sorts=[{"field": "order_no", "sort_order": "asc"}])
    assert [hit["data"]["order_no"] for hit in body["hits"]] == expected
    assert body["total"] == len(expected)
    full.seen.clear()


def test_range2_compares_two_ranges(full: Any) -> None:
    def hits(mode: Any, low: Any, high: Any, **more: Any) -> Any:
        body = {"from_field": "creation_date", "to_field": "last_modified", "filter_mode": mode, **more}
        body |= {"from_value": low, "to_value": high}
        narrow = {"range2_filter": {name: value for name, value in body.items() if value is not None}}
        return set(full.found({"filtered_query": {"query": {"match_all_query": {}}, "filter": narrow}}))

    everything = set(full.numbers)
    old = {number for number, spec in zip(full.numbers, SPECS, strict=True) if spec["age_seconds"] >= 4 * 3600}
    exact = {number for number, spec in zip(full.numbers, SPECS, strict=True) if spec["age_seconds"] == 4 * 3600}
    # Orders lie between their creation (up to six hours ago) and 09:30, when all were changed last.
    assert hits("overlap", "2026-11-03T09:00:00Z", "2026-11-03T12:00:00Z") == everything
    assert hits("overlap", "2026-11-03T01:00:00Z", "2026-11-03T05:30:00Z") == old
    assert hits("overlap", "2026-11-03T01:00:00Z", "2026-11-03T05:30:00Z", to_inclusive=False) == old - exact
    assert hits("containing", "2026-11-03T05:30:00Z", "2026-11-03T09:00:00Z") == old
    assert hits("contained", "2026-11-03T05:30:00Z", None) == everything - (old - exact)
    assert hits("overlap", "2026-11-04T00:00:00Z", None) == set()


def test_nested_looks_at_one_part_at_a_time(full: Any) -> None:
    def both(inner: Any) -> Any:
        return {"bool_query": {"must": inner}}

    terms = [
        {"term_query": {"fields": ["payment_instruments.payment_method_id"], "operator": "is", "values": ["PayPal"]}},
        {"term_query": {"fields": ["payment_instruments.credit_card_type"], "operator": "is", "values": ["Visa"]}},
    ]
    number = create_order(
        full.instance, {"payments": [{"method": "PayPal"}, {"method": "CREDIT_CARD", "amount": "1"}]}
    ).number
    full.instance.settle()
    assert number in full.found(both(terms))
    nested = {"nested_query": {"path": "payment_instruments", "query": both(terms), "score_mode": "avg"}}
    assert full.found(nested) == []
    assert number in full.found({"nested_query": {"path": "payment_instruments", "query": terms[0]}})


TERM = {"fields": ["status"], "operator": "is", "values": ["new"]}


def filtering(narrow: Any) -> Any:
    return {"filtered_query": {"query": {"match_all_query": {}}, "filter": narrow}}


@pytest.mark.parametrize(
    ("query", "exception", "arguments"),
    [
        ({"term_query": {**TERM, "fields": ["colour"]}}, "UnknownSearchFieldException", {"field": "colour"}),
        ({"term_query": {**TERM, "fields": ["c_colour"]}}, "UnknownSearchFieldException", {"field": "c_colour"}),
        ({"term_query": {**TERM, "fields": ["notes"]}}, "UnqueryableFieldException", {"field": "notes"}),
        (
            {"text_query": {"fields": ["colour"], "search_phrase": "x"}},
            "UnknownSearchFieldException",
            {"field": "colour"},
        ),
        ({"nested_query": {"path": "colours", "query": {}}}, "UnknownSearchFieldException", {"field": "colours"}),
        ({"term_query": {**TERM, "operator": "like"}}, "UnknownSearchOperatorException", {"operator": "like"}),
        (
            {"term_query": {**TERM, "operator": "less"}},
            "SearchOperatorNotApplicableException",
            {"operator": "less", "field": "status"},
        ),
        (
            {"term_query": {**TERM, "values": ["new", "open"]}},
            "TermOperatorMismatchValuesException",
            {"field": "status", "operator": "is"},
        ),
        (
            {"term_query": {**TERM, "operator": "is_null"}},
            "TermOperatorMismatchValuesException",
            {"field": "status", "operator": "is_null"},
        ),
        (
            {"term_query": {**TERM, "values": ["shipped"]}},
            "InvalidSearchFieldTypeException",
            {"field": "status", "value": "shipped", "type": "enum"},
        ),
        (
            {"term_query": {"fields": ["c_SignifydFraudScore"], "operator": "is", "values": ["7"]}},
            "InvalidSearchFieldTypeException",
            {"field": "c_SignifydFraudScore", "value": "7", "type": "number"},
        ),
        (
            filtering({"range_filter": {"field": "status", "from": "a"}}),
            "RangeFilterTypeException",
            {"field": "status", "type": "enum"},
        ),
        (
            filtering({"range_filter": {"field": "last_modified", "from": "soon"}}),
            "RangeFilterValueException",
            {"field": "last_modified", "value": "soon"},
        ),
        (filtering({"range_filter": {"field": "last_modified"}}), "MalformedSearchParameterException", {}),
        (
            filtering({"bool_filter": {"operator": "xor", "filters": []}}),
            "EnumConstraintViolationException",
            {"document": "bool_filter", "enumValue": "xor"},
        ),
        (
            {"range_query": {"field": "last_modified"}},
            "UnknownPropertyException",
            {"property": "range_query", "document": "query"},
        ),
        (
            {"term_query": {**TERM, "value": "new"}},
            "UnknownPropertyException",
            {"property": "value", "document": "term_query"},
        ),
        ({"term_query": TERM, "match_all_query": {}}, "MalformedSearchParameterException", {}),
        ({}, "MalformedSearchParameterException", {}),
        ({"term_query": {**TERM, "fields": []}}, "MalformedSearchParameterException", {}),
    ],
)
def test_wrong_queries_get_the_real_faults(world: Any, query: Any, exception: Any, arguments: Any) -> None:
    answer = world.shop("POST", "/order_search", {"query": query})
    assert answer.status_code == 400
    assert answer.json()["_v"] == "25.6"
    assert answer.json()["fault"]["type"] == exception
    assert answer.json()["fault"]["arguments"] == arguments


@pytest.mark.parametrize(
    ("more", "exception"),
    [
        ({"count": 201}, "PropertyConstraintViolationException"),
        ({"count": 0}, "PropertyConstraintViolationException"),
        ({"start": 9_900, "count": 101}, "PropertyConstraintViolationException"),
        ({"sorts": [{"field": "product_items.product_id"}]}, "FieldNotSortableException"),
        ({"sorts": [{"field": "c_colour"}]}, "FieldNotSortableException"),
        ({"sorts": [{"field": "order_no", "sort_order": "up"}]}, "EnumConstraintViolationException"),
        ({"select": "(**"}, "MalformedSelectorException"),
        ({"expand": ["everything"]}, "InvalidExpandValueException"),
        ({"limit": 5}, "UnknownPropertyException"),
        ({"_v": "20.4"}, "UnexpectedVersionException"),
    ],
)
def test_wrong_requests_get_the_real_faults(world: Any, more: Any, exception: Any) -> None:
    answer = world.shop("POST", "/order_search", {"query": {"match_all_query": {}}, **more})
    assert (answer.status_code, answer.json()["fault"]["type"]) == (400, exception)


def test_the_last_page_of_the_window_is_reachable(world: Any) -> None:
    body = world.search({"match_all_query": {}}, start=9_800, count=200)
    assert (body["total"], body["hits"]) == (0, [])


def test_the_index_lags_behind_writes(world: Any) -> None:
    number = world.order()
    query = {"term_query": {"fields": ["order_no"], "operator": "is", "values": [number]}}
    assert world.found(query) == []
    assert world.shop("GET", f"/orders/{number}").status_code == 200
    world.time.pass_(3)
    assert world.found(query) == [number]
    world.act(number, "status", status="cancelled")
    new = {"term_query": {**TERM, "values": ["new"]}}
    hit = world.search(new)["hits"][0]["data"]
    # The index still says new; the order that comes along is the order as it is now.
    assert (hit["order_no"], hit["status"]) == (number, "cancelled")
    world.time.pass_(3)
    assert world.found(new) == []


def test_a_shorter_lag_does_not_bring_an_older_state_back(world: Any) -> None:
    number = world.order()
    world.sim("switches", {"index_lag": 0})
    world.act(number, "status", status="completed")
    query = {"term_query": {**TERM, "values": ["completed"]}}
    assert world.found(query) == [number]
    world.time.pass_(10)
    assert world.found(query) == [number]


def test_without_indexing_search_is_an_error_of_the_server(make_world: Any) -> None:
    world = make_world({"instances": [{"tenant": "zzxy_prd", "indexing": False}]})
    assert world.shop("POST", "/order_search", {"query": {"match_all_query": {}}}).status_code == 500


def test_sites_are_searched_apart(world: Any) -> None:
    here, there = world.order(), world.order(site="RefArchGlobal")
    world.time.pass_(5)
    assert world.found({"match_all_query": {}}) == [here]
    assert world.found({"match_all_query": {}}, site="RefArchGlobal") == [there]


def test_pages_carry_total_next_and_previous(full: Any) -> None:
    query: dict[str, Any] = {"match_all_query": {}}
    first = full.search(query, count=10, sorts=[{"field": "order_no", "sort_order": "desc"}])
    assert (first["count"], first["start"], first["total"]) == (10, 0, 24)
    assert first["next"] == {"_type": "result_page", "start": 10, "count": 10}
    assert "previous" not in first
    last = full.search(query, start=20, count=10)
    assert last["count"] == 4
    assert "next" not in last
    assert last["previous"] == {"_type": "result_page", "start": 10, "count": 10}
    assert [hit["data"]["order_no"] for hit in first["hits"]] == sorted(full.numbers, reverse=True)[:10]


def test_sorting_puts_missing_values_last_in_both_directions(full: Any) -> None:
    for order in ("asc", "desc"):
        body = full.search({"match_all_query": {}}, sorts=[{"field": "c_promisedDate", "sort_order": order}])
        dates = [hit["data"].get("c_promisedDate") for hit in body["hits"]]
        present = [each for each in dates if each]
        assert dates == [*sorted(present, reverse=order == "desc"), *[None] * (24 - len(present))]


def test_selectors_choose_what_comes_back(full: Any) -> None:
    def data(select: Any) -> Any:
        request = {"query": {"match_all_query": {}}, "count": 1, **({"select": select} if select else {})}
        return full.shop("POST", "/order_search", request).json()

    chosen = data("(count,hits.(data.(order_no,c_*,payment_instruments.(amount))))")
    assert set(chosen) == {"_v", "_type", "count", "hits"}
    hit = chosen["hits"][0]["data"]
    assert set(hit) == {"_type", "_resource_state", "order_no", "payment_instruments", "c_SignifydFraudScore", "c_tags"}
    assert set(hit["payment_instruments"][0]) == {"_type", "amount"}
    whole, brief = data("(**)")["hits"][0]["data"], data(None)["hits"][0]["data"]
    assert {"product_items", "shipments", "billing_address"} <= set(whole)
    assert "order_total" in brief
    assert not {"product_items", "shipments", "billing_address"} & set(brief)


def test_a_changed_order_moves_in_time(full: Any) -> None:
    full.time.pass_(60)
    full.act(full.numbers[3], "touch")
    since = filtering({"range_filter": {"field": "last_modified", "from": "2026-11-03T09:31:00.000Z"}})
    assert full.found(since) == [full.numbers[3]]
