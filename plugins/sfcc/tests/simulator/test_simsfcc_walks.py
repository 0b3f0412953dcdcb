"""A walk through what changed: answered from the order of time, and the same as any other search."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caseconnect_sfcc.simulator import InstanceSettings, SfccSettings, create_order
from caseconnect_sfcc.simulator.search.walks import walk_of
from caseconnect_sfcc.simulator.world import moments

NUMBERS = [f"{number:08d}" for number in range(1, 13)]


@pytest.fixture
def changed(make_world: Any) -> Any:
    """Twelve orders, three of each of four moments, on the first site; and one that is on the other."""
    world = make_world(SfccSettings(instances=(InstanceSettings("zzxy_prd", index_lag=0.0),)))
    for place, number in enumerate(NUMBERS):
        if place % 3 == 0:
            world.time.pass_(1)
        create_order(world.instance, {"number": number})
    create_order(world.instance, {"site": "RefArchGlobal", "number": "other"})
    return world


def asking(world: Any, low: Any, high: Any, inclusive: Any, without: Any) -> Any:
    times = sorted({order.modified for order in world.instance.orders.values()})
    bounds: Any = {"field": "last_modified", "from": moments.stamp(times[low])}
    if high is not None:
        bounds |= {"to": moments.stamp(times[high]), "to_inclusive": inclusive}
    left_out = {"term_query": {"fields": ["order_no"], "operator": "not_in", "values": without}}
    query = {"bool_query": {"must": [left_out]}} if without else {"match_all_query": {}}
    return {"filtered_query": {"filter": {"range_filter": bounds}, "query": query}}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, 3),
    st.none() | st.integers(0, 3),
    st.booleans(),
    st.lists(st.sampled_from([*NUMBERS, "nobody"]), unique=True),
    st.integers(0, 9),
)
def test_a_walk_finds_what_the_plain_search_finds(
    changed: Any, low: Any, high: Any, inclusive: Any, without: Any, start: Any
) -> None:
    query = asking(changed, low, high, inclusive, without)
    assert walk_of(query, "last_modified", "order_no") is not None
    walked = changed.search(query, sorts=[{"field": "last_modified", "sort_order": "asc"}], start=start)
    # Sorted by a second field as well, it is no walk.
    plain = [{"field": "last_modified", "sort_order": "asc"}, {"field": "order_no", "sort_order": "asc"}]
    assert walked["total"] == changed.search(query, sorts=plain, start=start)["total"]
    assert walked.get("hits") == changed.search(query, sorts=plain, start=start).get("hits")


@pytest.mark.parametrize(
    ("query", "filtered"),
    [
        ({"term_query": {"fields": ["status"], "operator": "is", "values": ["new"]}}, {}),
        ({"term_query": {"fields": ["order_no"], "operator": "not_in", "values": ["1"]}}, {}),
        ({"bool_query": {"must_not": [{"match_all_query": {}}]}}, {}),
        ({"bool_query": {"must": [{"match_all_query": {}}], "must_not": [{"match_all_query": {}}]}}, {}),
        (
            {
                "bool_query": {
                    "must": [{"term_query": {"fields": ["order_no"], "operator": "not_in", "values": ["1"]}}],
                    "must_not": [{"match_all_query": {}}],
                }
            },
            {},
        ),
        ({"match_all_query": {}}, {"from_inclusive": False}),
        ({"match_all_query": {}}, {"field": "creation_date"}),
    ],
)
def test_what_asks_more_is_no_walk(query: Any, filtered: Any) -> None:
    bounds = {"field": "last_modified", "from": "2026-11-01T00:00:00.000Z", **filtered}
    asked = {"filtered_query": {"filter": {"range_filter": bounds}, "query": query}}
    assert walk_of(asked, "last_modified", "order_no") is None
    assert walk_of(query, "last_modified", "order_no") is None
