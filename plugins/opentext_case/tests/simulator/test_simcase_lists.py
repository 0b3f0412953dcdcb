"""Lists: two paging styles, envelopes, order, changes since, search, and an index that lags."""

from __future__ import annotations

from typing import Any

import pytest

from caseconnect_opentext_case.simulator import Profile

ALL = {"include-total": "true"}


def ids(world: Any, **query: str) -> list[str]:
    answer = world.ask("list_cases", query)
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json().get("_embedded", {}).get("cases", [])]


def seven(world: Any) -> list[str]:
    made = []
    for number in range(7):
        made.append(world.created({"externalReference": f"demo/{number}"}))
        world.later(1)
    return made


def test_pages_by_number(world: Any) -> None:
    made = seven(world)
    size = {"items-per-page": "3"}
    pages = [ids(world, page=str(page), **size) for page in (1, 2, 3, 4)]
    assert pages == [made[:3], made[3:6], made[6:], []]
    assert ids(world) == made
    assert world.ask("list_cases", ALL).json()["total"] == 7
    assert "total" not in world.ask("list_cases").json()


def test_pages_by_offset(world_with: Any) -> None:
    world = world_with(Profile(paging="offset", total_path="page.totalElements", total_param=""))
    made = seven(world)
    assert ids(world, offset="2", count="3") == made[2:5]
    assert ids(world, offset="6", count="3") == made[6:]
    assert world.ask("list_cases").json()["page"] == {"totalElements": 7}


def test_default_size_hides_the_rest(world_with: Any) -> None:
    world = world_with(Profile(default_size=2))
    made = seven(world)
    assert ids(world) == made[:2]


@pytest.mark.parametrize(
    ("profile", "empty"),
    [
        (Profile(), {"total": 0}),
        (Profile(empty_rows="empty"), {"_embedded": {"cases": []}, "total": 0}),
        (Profile(embedded=False, empty_rows="empty", total_path=""), {"cases": []}),
        (Profile(embedded=False, collection_key="rows", empty_rows="empty"), {"rows": [], "total": 0}),
    ],
)
def test_empty_envelope(world_with: Any, profile: Profile, empty: dict[str, Any]) -> None:
    assert world_with(profile).ask("list_cases", ALL).json() == empty


@pytest.mark.parametrize(
    "query",
    [
        {"page": "0"},
        {"page": "x"},
        {"items-per-page": "0"},
        {"items-per-page": "101"},
        {"sortby": "colour"},
        {"sortby": "lastUpdatedOn sideways"},
        {"changedSince": "yesterday"},
        {"filter": "externalReference = 'x'"},
        {"filter": "externalReference eq 'x' or status eq 'Open'"},
        {"filter": "externalReference eq 'x"},
        {"filter": ""},
    ],
)
def test_bad_queries(world: Any, query: dict[str, str]) -> None:
    answer = world.ask("list_cases", query)
    assert (answer.status_code, list(answer.json())) == (400, ["exception"])


def test_order_follows_changes(world: Any) -> None:
    made = seven(world)
    world.store.comment(made[0], "moved")
    assert ids(world, sortby="lastUpdatedOn desc") == [made[0], *made[:0:-1]]
    assert ids(world, sortby="createdOn") == made


def test_order_in_a_parameter_of_its_own(world_with: Any) -> None:
    world = world_with(Profile(sort_param="sort", order_param="order"))
    made = seven(world)
    assert ids(world, sort="createdOn", order="desc") == made[::-1]
    assert ids(world, sort="createdOn") == made


@pytest.mark.parametrize("since", ["2026-10-05T12:00:05.250+0000", "2026-10-05T12:00:05.250Z"])
def test_changed_since_is_inclusive_in_both_spellings(world: Any, since: str) -> None:
    made = seven(world)
    assert ids(world, changedSince=since) == made[5:]


def test_a_profile_may_leave_stamps_alone(world_with: Any) -> None:
    world = world_with(Profile(comment_moves_stamp=False, attachment_moves_stamp=False))
    case = world.created()
    before = world.read(case)
    world.later(5)
    world.store.comment(case, "unseen")
    world.store.attach(case, "a.txt", b"x")
    assert world.read(case) == before


def test_search_by_filter(world: Any) -> None:
    made = seven(world)
    world.store.decide(made[3], "approved")
    odd = world.created({"externalReference": 'it\'s "odd"'})
    assert ids(world, filter="externalReference eq 'demo/4'") == [made[4]]
    assert ids(world, filter='externalReference eq "it\'s ""odd"""') == [odd]
    assert ids(world, filter="externalReference eq 'it''s \"odd\"'") == [odd]
    assert ids(world, filter="status eq 'Open' and outcome eq 'approved'") == [made[3]]
    assert ids(world, filter="caseNumber eq 'CASE-2'") == [made[1]]
    assert ids(world, filter=f"id eq '{made[0]}'") == [made[0]]
    assert ids(world, filter="externalReference eq 'demo/'") == []


def test_search_by_parameter(world_with: Any) -> None:
    world = world_with(Profile(search="parameter"))
    made = seven(world)
    assert ids(world, externalReference="demo/4") == [made[4]]


@pytest.mark.parametrize(("habit", "found"), [("nothing", 0), ("everything", 7)])
def test_unknown_filters(world_with: Any, habit: Any, found: int) -> None:
    world = world_with(Profile(unknown_filter=habit))
    seven(world)
    assert len(ids(world, filter="nobodyKnows eq 'x'")) == found


def test_unknown_filter_refused(world_with: Any) -> None:
    world = world_with(Profile(unknown_filter="refuse"))
    assert world.ask("list_cases", {"filter": "nobodyKnows eq 'x'"}).status_code == 400


def test_listing_lags_but_reading_does_not(world_with: Any) -> None:
    world = world_with(listing_lag=30)
    case = world.created({"externalReference": "r"})
    world.later(29)
    assert ids(world) == []
    world.later(1)
    assert ids(world, filter="externalReference eq 'r'") == [case]
    world.store.decide(case, "approved")
    assert world.read(case)["caseProperties"]["customAttributes"]["outcome"] == "approved"
    assert ids(world, filter="outcome eq 'approved'") == []
    world.later(30)
    assert ids(world, filter="outcome eq 'approved'") == [case]


def test_the_lagging_row_is_the_old_one_in_every_part(world_with: Any) -> None:
    world = world_with(listing_lag=30)
    case = world.created({"externalReference": "old"}, clientName="old")
    old = world.read(case)
    world.later(30)
    world.store.change(case, default={"clientName": "new"}, custom={"externalReference": "new"}, forms={"f": "new"})
    assert world.ask("list_cases").json()["_embedded"]["cases"] == [old]
    world.later(30)
    assert world.ask("list_cases").json()["_embedded"]["cases"] == [world.read(case)]


@pytest.mark.parametrize("status", [404, 405])
def test_no_listing(world_with: Any, status: int) -> None:
    world = world_with(Profile(list_cases="", method_not_allowed=status))
    world.created()
    headers = {"Authorization": f"Bearer {world.token}"}
    path = f"/case/api/v1/case-definitions/{world.definition.id}/cases"
    answer = world.raw("GET", path, headers=headers)
    assert (answer.status_code, list(answer.json())) == (status, ["exception"])
