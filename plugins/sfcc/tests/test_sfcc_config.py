"""Settings: what is refused when a tenant file is read, and what `check --live` finds."""

import asyncio
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from caseconnect_sfcc.changes import streams
from caseconnect_sfcc.config import EXAMPLE, SfccSettings
from caseconnect_sfcc.source import SfccSource


def settings(**changes: Any) -> SfccSettings:
    return SfccSettings.model_validate({**yaml.safe_load(EXAMPLE), **changes})


def test_addresses_follow_from_the_ids() -> None:
    made = settings()
    assert made.scapi.api_url() == "https://kv7kzm78.api.commercecloud.salesforce.com"
    assert made.ocapi.api_url() == "https://www.brand.example"
    assert made.scapi.tenant == "zzxy_prd"
    assert made.customer_list("RefArch") == "RefArch"
    assert made.url_of("RefArch", "1") is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sites": []}, "at least 1"),
        ({"sites": ["a", "a"]}, "named once"),
        ({"sites": ["a b"]}, "named once"),
        ({"customer_lists": {"Other": "x"}}, "none of `sites`"),
        ({"account_manager_url": "http://account.example"}, "https"),
        ({"page_size": 500}, "less than or equal to 200"),
        ({"late": [{"name": "x", "after": 1, "where": {"color": ["red"]}}]}, "is no status"),
        ({"late": [{"name": "x", "after": 1, "where": {"status": ["lost"]}}]}, "one or more of"),
        ({"late": [{"name": "x", "after": 1, "where": {}}]}, "at least 1"),
        ({"late": [{"name": "x", "after": 1, "where": {"status": ["new"]}}] * 2}, "same name"),
    ],
)
def test_what_is_wrong_is_said(changes: Any, words: Any) -> None:
    with pytest.raises(ValidationError, match=words):
        settings(**changes)


@pytest.mark.parametrize(
    ("part", "changes", "words"),
    [
        ("scapi", {"organization_id": "zzxy_prd"}, "match pattern"),
        ("scapi", {"base_url": "http://sim.example"}, "https"),
        ("ocapi", {"host": "https://www.brand.example"}, "match pattern"),
        ("ocapi", {"user": {"env": "U"}}, "or neither"),
        ("ocapi", {"client_id": "11111111-2222-3333-4444-555555555555"}, "make two clients"),
        ("ocapi", {"version": "25.6"}, "match pattern"),
    ],
)
def test_what_is_wrong_with_credentials_is_said(part: Any, changes: Any, words: Any) -> None:
    given = yaml.safe_load(EXAMPLE)
    with pytest.raises(ValidationError, match=words):
        SfccSettings.model_validate({**given, part: {**given[part], **changes}})


def test_a_type_that_is_empty_is_not_read_and_one_of_the_organization_once() -> None:
    made = settings(sites=["a", "b"], claims={"type": ""}, disputes={"scope": "organization"}, late=[])
    names = [each.name for each in streams(made)]
    assert "claim/a" not in names
    assert [name for name in names if name.startswith("dispute")] == ["dispute/a"]
    assert [name for name in names if name.startswith("return")] == ["return/a", "return/b"]


def checked(made: Any) -> Any:
    return {step.step: step for step in asyncio.run(SfccSource(made.settings, made.resources).check())}


def test_check_names_every_step(desk: Any) -> None:
    made = desk(sites=["RefArch", "RefArchGlobal"])
    made.instance.add_order({})
    steps = checked(made)
    assert all(step.ok for step in steps.values())
    assert list(steps) == [
        "SCAPI scope sfcc.orders",
        "SCAPI scope sfcc.customerlists",
        "SCAPI scope sfcc.products",
        "OCAPI token",
        "orders of RefArch (SCAPI)",
        "order_search on RefArch (OCAPI Shop)",
        "customer list RefArch (SCAPI)",
        "orders of RefArchGlobal (SCAPI)",
        "order_search on RefArchGlobal (OCAPI Shop)",
        "customer list RefArchGlobal (SCAPI)",
        "uploaded files (WebDAV)",
        "attributes of orders (OCAPI Data)",
        "custom objects CaseConnectReturn (OCAPI Data)",
        "custom objects CaseConnectComplaint (OCAPI Data)",
        "custom objects CaseConnectClaim (OCAPI Data)",
        "custom objects CaseConnectDispute (OCAPI Data)",
        "custom objects CaseConnectAction (OCAPI Data)",
    ]
    assert made.instance.ledger[1:] == []


def test_check_says_what_is_missing(desk: Any) -> None:
    scopes = ["sfcc.orders"]
    simulator = {
        "instances": [{"tenant": "zzxy_prd", "shop_permissions": {"clients": []}}],
        "clients": [
            {"id": "scapi-client", "secret": "scapi-secret", "tenants": ["zzxy_prd"], "scopes": scopes},
            {"id": "ocapi-client", "secret": "ocapi-secret", "kind": "ocapi", "scopes": []},
        ],
    }
    made = desk(simulator, returns={"type": "Absent"}, claims={"order_number": "nowhere"}, orders={"shown": ["gone"]})
    bad = {name: step.note for name, step in checked(made).items() if not step.ok}
    assert "Allow the scope sfcc.products" in bad["SCAPI scope sfcc.products"]
    assert "Open Commerce API Settings" in bad["order_search on RefArch (OCAPI Shop)"]
    assert "import the metadata" in bad["custom objects Absent (OCAPI Data)"]
    assert "lacks the attributes nowhere" in bad["custom objects CaseConnectClaim (OCAPI Data)"]
    assert "customer list RefArch (SCAPI)" in bad
    assert "gone" in checked(made)["attributes of orders (OCAPI Data)"].note
