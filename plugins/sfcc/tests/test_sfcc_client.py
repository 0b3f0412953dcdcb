"""The client alone: tokens, both API families, both fault formats, and what each answer means for the host."""

import asyncio
from typing import Any

import pytest

from caseconnect.sdk.errors import AuthError, ConnectError, PermanentError, TransientError, UnknownOutcome
from caseconnect.sdk.pace import Pace
from caseconnect.sdk.testing import virtual
from caseconnect.sdk.testing.wire import CUT_AFTER, LOST_AFTER, UNAUTHORIZED, answers
from caseconnect_sfcc.client import GIFT_CERTIFICATES, ORDERS, REPLICATIONS, SfccClient, part
from caseconnect_sfcc.connection import client_of, places_of
from caseconnect_sfcc.faults import OwnedElsewhere, Refused

BASE = "/checkout/orders/v1/organizations/f_ecom_zzxy_prd"
HTML = b"<!doctype html><title>Be right back</title>"


def client_on(desk: Any) -> SfccClient:
    return client_of(desk.settings, desk.resources)


def run(work: Any) -> Any:
    return asyncio.run(work)


def error_of(work: Any) -> Any:
    try:
        run(work)
    except ConnectError as error:
        return error
    pytest.fail("no error")


def read(client: SfccClient) -> Any:
    return client.order("RefArch", "1")


def write(client: SfccClient) -> Any:
    return client.scapi(ORDERS, "PUT", "/orders/1/status", site="RefArch", body={"status": "cancelled"})


def ocapi_write(client: SfccClient) -> Any:
    return client.ocapi("data", "PUT", "/sites/RefArch/orders/1/export_status", body={"status": "ready"})


def test_a_token_is_asked_for_each_scope_once_and_renewed_before_it_ends(desk: Any) -> None:
    made = desk()
    made.instance.add_order({"number": "1"})

    async def work() -> None:
        client = client_on(made)
        for _ in range(3):
            await client.order("RefArch", "1")
        await client.notes("RefArch", "1")
        await write(client)

    run(work())
    forms = [s.body.decode() for s in made.wire.sent if s.path.endswith("access_token")]
    scopes = [form.partition("scope=")[2] for form in forms]
    tenant = "SALESFORCE_COMMERCE_API%3Azzxy_prd"
    assert scopes == [f"{tenant}+sfcc.orders", "", f"{tenant}+sfcc.orders.rw"]
    assert all("secret" not in form for form in forms)
    # 1799 seconds of life: at nine tenths of it a new one is asked for.
    made.clock.forward(1600)
    run(client_on(made).order("RefArch", "1"))
    assert made.app.tokens.issued == 3
    made.clock.forward(20)
    run(client_on(made).order("RefArch", "1"))
    assert made.app.tokens.issued == 4


def test_an_expired_token_is_renewed_once_and_a_refused_one_is_an_auth_error(desk: Any) -> None:
    made = desk()
    made.instance.add_order({"number": "1"})
    client = client_on(made)
    run(read(client))
    made.app.tokens.expire_all()
    assert run(read(client))["orderNo"] == "1"
    made.wire.plan = lambda _, sent: None if sent.path.endswith("access_token") else UNAUTHORIZED
    before = len(made.asked())
    assert isinstance(error_of(read(client)), AuthError)
    assert len(made.asked()) == before + 2


def test_a_scope_that_is_not_allowed_refuses_its_own_calls_only(desk: Any) -> None:
    clients = [
        {"id": "scapi-client", "secret": "scapi-secret", "tenants": ["zzxy_prd"], "scopes": ["sfcc.orders"]},
        {"id": "ocapi-client", "secret": "ocapi-secret", "kind": "ocapi", "scopes": []},
    ]
    made = desk({"clients": clients})
    made.instance.add_order({"number": "1"})
    client = client_on(made)
    error = error_of(write(client))
    assert isinstance(error, Refused)
    assert error.code == "InvalidScope"
    assert "Allow the scope sfcc.orders.rw" in str(error)
    assert run(read(client))["orderNo"] == "1"


def test_a_tenant_that_is_not_in_the_filter_is_an_auth_error(desk: Any) -> None:
    made = desk({"clients": [{"id": "scapi-client", "secret": "scapi-secret", "tenants": []}]})
    error = error_of(read(client_on(made)))
    assert isinstance(error, AuthError)
    assert "invalid_scope" in str(error)


def test_the_shop_api_is_called_as_the_business_manager_user_where_one_is_set(desk: Any) -> None:
    wants_user = {"instances": [{"tenant": "zzxy_prd", "shop_needs_user": True}]}
    alone = desk(wants_user)
    alone.instance.add_order({"number": "1"})
    error = error_of(client_on(alone).notes("RefArch", "1"))
    assert "set `ocapi.user`" in str(error)
    ocapi = {**alone.settings.ocapi.model_dump(), "user": {"env": "AGENT"}, "password": {"env": "KEY"}}
    made = desk(wants_user, ocapi=ocapi)
    made.instance.add_order({"number": "1"})
    assert run(client_on(made).notes("RefArch", "1")) == []
    assert made.wire.sent[0].path == "/instances/zzxy_prd/dw/oauth2/access_token"


def test_a_put_of_ocapi_goes_out_as_post_with_the_override_and_one_of_scapi_does_not(desk: Any) -> None:
    made = desk()
    made.instance.add_order({"number": "1", "export": "not_exported"})
    client = client_on(made)
    run(ocapi_write(client))
    sent = made.wire.sent[-1]
    assert (sent.method, sent.headers["x-dw-http-method-override"]) == ("POST", "PUT")
    assert made.instance.orders["1"].export == "ready"
    run(write(client))
    sent = made.wire.sent[-1]
    assert (sent.method, "x-dw-http-method-override" in sent.headers) == ("PUT", False)
    assert sent.query == {"siteId": "RefArch"}


def test_an_order_management_system_that_owns_the_order_is_named(desk: Any) -> None:
    made = desk({"instances": [{"tenant": "zzxy_prd", "order_management": "integrated"}]})
    made.instance.add_order({"number": "1", "export": "exported"})
    status = {"status": "cancelled"}
    client = client_on(made)
    for error in (
        error_of(write(client)),
        error_of(client.ocapi("data", "PUT", "/sites/RefArch/orders/1/status", body=status)),
    ):
        assert isinstance(error, OwnedElsewhere)
        assert error.code == "OrderIntegrationStatus"
        assert "order management system owns this order" in str(error)


@pytest.mark.parametrize(
    ("status", "body", "headers", "reading", "writing"),
    [
        (429, b"{}", {"retry-after": "12"}, TransientError, TransientError),
        (429, b"", {"retry-after": "Tue, 03 Nov 2026 09:30:30 GMT"}, TransientError, TransientError),
        (429, b"", {"retry-after": "-5"}, TransientError, TransientError),
        (429, b"", {"retry-after": "soon"}, TransientError, TransientError),
        (503, HTML, {"sfdc_load_status": "THROTTLE"}, TransientError, TransientError),
        (503, HTML, {"sfdc_load_status": "THROTTLE", "sfdc_load": "95"}, TransientError, UnknownOutcome),
        (503, HTML, {}, TransientError, UnknownOutcome),
        (503, b"", {"retry-after": "3"}, TransientError, TransientError),
        (500, b"{}", {}, TransientError, UnknownOutcome),
        (502, HTML, {}, TransientError, UnknownOutcome),
        (504, b"", {}, TransientError, UnknownOutcome),
        (408, b"", {}, TransientError, UnknownOutcome),
        (
            409,
            b'{"fault":{"type":"ConcurrentModificationException","message":"m"}}',
            {},
            TransientError,
            TransientError,
        ),
        (409, b'{"type":"https://x/errors/order-status-transition","title":"t","detail":"d"}', {}, Refused, Refused),
        (400, b'{"fault":{"type":"UnknownPropertyException","message":"m"}}', {}, Refused, Refused),
        (400, HTML, {}, Refused, Refused),
        (403, b"[1]", {}, Refused, Refused),
        (404, b"", {}, Refused, Refused),
        (302, b"", {"location": "https://elsewhere.example/"}, Refused, Refused),
        (200, HTML, {}, TransientError, UnknownOutcome),
        (200, b'{"orderNo":', {}, TransientError, UnknownOutcome),
    ],
)
def test_what_an_answer_means_for_reading_and_for_writing(
    desk: Any, status: Any, body: Any, headers: Any, reading: Any, writing: Any
) -> None:
    made = desk()
    client = client_on(made)
    made.wire.plan = lambda _, sent: (
        None
        if sent.path.endswith("access_token")
        else type(UNAUTHORIZED)("odd", "answer", status=status, body=body, headers=headers)
    )
    for call, wanted in ((read, reading), (write, writing), (ocapi_write, writing)):
        before = len(made.asked())
        error = error_of(call(client))
        assert type(error) is wanted, (status, error)
        assert len(made.asked()) == before + 1
        assert not getattr(error, "retry_after", None) or 0 < error.retry_after <= 3600
    assert all("elsewhere" not in s.url for s in made.wire.sent)


def test_a_shed_request_says_when_to_come_back_and_a_wait_is_taken_from_the_answer(desk: Any) -> None:
    made = desk()
    client = client_on(made)
    made.app.faults.schedule(_fault("shed"))
    assert error_of(read(client)).retry_after == 15
    made.app.faults.schedule(_fault("throttle", retry_after="7"))
    assert error_of(read(client)).retry_after == 7


def test_a_loaded_instance_is_asked_without_bursts(desk: Any) -> None:
    made = desk()
    made.instance.add_order({"number": "1"})
    made.resources.pace = Pace(rate=10, burst=100)

    async def story() -> Any:
        client = client_on(made)
        loop = asyncio.get_running_loop()
        took = []
        for load in (0, 85):
            made.instance.load = load
            await read(client)
            began = loop.time()
            for _ in range(10):
                await read(client)
            took.append(loop.time() - began)
        return took

    easy, loaded = virtual.run(story())
    assert easy < 0.1
    assert loaded == pytest.approx(1.0, abs=0.1)


def _fault(kind: Any, **more: Any) -> Any:
    from caseconnect_sfcc.simulator.faults import Fault

    return Fault.from_dict({"kind": kind, "operation": "getOrder", **more})


@pytest.mark.parametrize("fault", [LOST_AFTER, CUT_AFTER])
def test_a_lost_answer_of_a_write_is_unknown_and_its_effect_stands(desk: Any, fault: Any) -> None:
    made = desk()
    made.instance.add_order({"number": "1"})
    client = client_on(made)
    body = {"amount": {"currencyMnemonic": "USD", "value": 5}, "merchantId": "m-1", "recipientEmail": "a@b.example"}
    run(client.scapi(ORDERS, "GET", "/orders/1", site="RefArch"))
    run(client.tokens.scope(f"{GIFT_CERTIFICATES.scope}.rw").get())
    made.wire.fault_at(1, fault)
    error = error_of(client.scapi(GIFT_CERTIFICATES, "PUT", "/gift-certificates", site="RefArch", body=body))
    assert isinstance(error, UnknownOutcome)
    assert ("RefArch", "m-1") in made.instance.certificates


def test_errors_show_the_platforms_words_but_not_what_was_sent(desk: Any) -> None:
    made = desk()
    made.instance.add_order({"number": "1"})
    error = error_of(
        client_on(made).scapi(ORDERS, "PATCH", "/orders/1", site="RefArch", body={"c_nickname": "jane@shopper.example"})
    )
    assert error.code == "InvalidCustomProperty"
    assert "defined for Basket" in str(error)
    assert "jane" not in str(error)


def test_a_replication_from_production_is_refused_in_the_platforms_words(desk: Any) -> None:
    made = desk()
    call = client_on(made).scapi(REPLICATIONS, "POST", "/granular-processes", body={"product": {"productId": "1"}})
    error = error_of(call)
    assert (error.status, error.code) == (422, "NotOnStaging")


@pytest.mark.parametrize("odd", ["", ".", "..", "a\x00b", "a\nb"])
def test_an_id_that_would_change_the_address_is_refused(odd: Any) -> None:
    with pytest.raises(PermanentError):
        part(odd)


def test_ids_are_quoted_whole(desk: Any) -> None:
    made = desk()
    error = error_of(client_on(made).order("RefArch", "1/../../secrets?x=1#y"))
    assert isinstance(error, Refused)
    assert "1%2F..%2F..%2Fsecrets%3Fx%3D1%23y" in made.wire.sent[-1].url


def test_ids_beyond_two_to_the_53rd_stay_whole(desk: Any) -> None:
    made = desk()
    body = b'{"object_type":"X","key_value_integer":9007199254740993}'
    made.wire.plan = lambda _, sent: None if sent.path.endswith("access_token") else answers(200, body)
    found = run(client_on(made).custom_object("X", "9007199254740993"))
    assert found["key_value_integer"] == 9007199254740993


def test_an_order_is_found_on_the_site_that_has_it_and_remembered(desk: Any) -> None:
    made = desk(sites=["RefArch", "RefArchGlobal"])
    made.instance.add_order({"number": "7", "site": "RefArchGlobal"})
    places = places_of(made.settings, made.resources)
    for _ in range(2):
        site, node = run(places.order("7"))
        assert (site, node["siteId"]) == ("RefArchGlobal", "RefArchGlobal")
    sites = [s.query["siteId"] for s in made.wire.sent if s.path.startswith(BASE)]
    assert sites == ["RefArch", "RefArchGlobal", "RefArchGlobal"]
    assert error_of(places.order("8")).code == "OrderNotFound"


def test_an_outage_of_one_site_is_not_taken_for_an_absent_order(desk: Any) -> None:
    made = desk(sites=["RefArch", "RefArchGlobal"])
    made.instance.add_order({"number": "7", "site": "RefArchGlobal"})
    made.app.faults.schedule(_fault("status", status=500))
    assert isinstance(error_of(places_of(made.settings, made.resources).order("7")), TransientError)


def test_attribute_definitions_are_read_to_the_end(desk: Any) -> None:
    many = {f"attribute{n}": "string" for n in range(250)}
    made = desk({"instances": [{"tenant": "zzxy_prd", "attributes": {"Order": many}}]})
    found = run(client_on(made).attributes("system", "Order"))
    assert len(found) == len(made.instance.definitions.of("Order")) > 250
