"""Who may do what: tokens, scopes, tenants, permissions, addresses, and the PUT rule of OCAPI."""

from typing import Any

import pytest

from caseconnect_sfcc.simulator import SfccSettings, SpecError, permissions

USER_GRANT = "urn:demandware:params:oauth:grant-type:client-id:dwsid:dwsecuretoken"


def fault(answer: Any) -> Any:
    return answer.status_code, answer.json()["fault"]["type"]


def slug(answer: Any) -> Any:
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


def test_a_token_lives_1799_seconds_and_is_asked_for_again(world: Any) -> None:
    answer = world.mint()
    body = answer.json()
    assert (answer.status_code, body["token_type"], body["expires_in"]) == (200, "Bearer", 1799)
    assert body["access_token"].count(".") == 2
    assert "sfcc.orders.rw" in body["scope"]
    assert "refresh_token" not in body
    assert world.orders("GET").status_code == 200
    world.time.pass_(1798)
    assert world.orders("GET").status_code == 200
    world.time.pass_(1)
    gone = world.orders("GET")
    assert slug(gone) == (401, "invalid-access-token")
    assert fault(world.shop("GET", "/orders/1")) == (404, "OrderNotFoundException")
    world.time.pass_(1799)
    assert fault(world.shop("GET", "/orders/1")) == (401, "InvalidAccessTokenException")


def test_the_token_endpoint_refuses_in_oauths_words(world: Any) -> None:
    wrong = world.mint(secret="guess")
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    tenant = world.mint(scope="SALESFORCE_COMMERCE_API:bjxl_prd sfcc.orders")
    assert tenant.status_code == 400
    assert tenant.json() == {
        "error": "invalid_scope",
        "error_description": "Unknown/invalid tenant scope: SALESFORCE_COMMERCE_API:bjxl_prd",
    }
    assert world.mint(scope="SALESFORCE_COMMERCE_API:zzxy_prd sfcc.everything").json()["error"] == "invalid_scope"
    form = {"grant_type": "password"}
    grant = world.request("POST", "/dwsso/oauth2/access_token", data=form, auth=("scapi-client", "scapi-secret"))
    assert grant.json()["error"] == "unsupported_grant_type"
    by_form = {"grant_type": "client_credentials", "client_id": "ocapi-client", "client_secret": "ocapi-secret"}
    assert world.request("POST", "/dwsso/oauth2/access_token", data=by_form).status_code == 200


def bearer(answer: Any) -> Any:
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def test_scopes_and_tenants_are_checked(world: Any) -> None:
    number = world.order()
    reading = bearer(world.mint(scope="SALESFORCE_COMMERCE_API:zzxy_prd sfcc.orders"))
    assert world.orders("GET", f"/{number}", headers=reading).status_code == 200
    assert slug(world.orders("PATCH", f"/{number}", {}, headers=reading)) == (403, "forbidden")
    without = bearer(world.mint(scope="sfcc.orders.rw"))
    assert slug(world.orders("GET", headers=without)) == (403, "forbidden")
    staging = bearer(world.mint(scope="SALESFORCE_COMMERCE_API:zzxy_stg sfcc.orders.rw"))
    assert slug(world.orders("GET", headers=staging)) == (403, "forbidden")
    missing = world.request("GET", "/checkout/orders/v1/organizations/f_ecom_zzxy_prd/orders")
    assert slug(missing) == (401, "invalid-access-token")
    odd = world.request("GET", "/checkout/orders/v1/organizations/zzxy/orders", headers=world.bearer())
    assert slug(odd) == (400, "value-constraint-violation")


def test_one_client_cannot_serve_both_families(world: Any) -> None:
    assert fault(world.shop("GET", "/orders/1", headers=world.bearer())) == (403, "ClientAccessForbiddenException")
    assert slug(world.orders("GET", headers=world.bearer("ocapi-client"))) == (403, "forbidden")


def test_ocapi_denies_what_its_settings_do_not_list(world: Any) -> None:
    bare = permissions("ocapi-client", ("/orders/*",))
    assert world.sim("permissions/shop", bare).json() == {"in_force_after": 180.0}
    number = world.order()
    assert world.shop("GET", f"/orders/{number}/notes").status_code == 200
    world.time.pass_(180)
    assert world.shop("GET", f"/orders/{number}").status_code == 200
    denied = world.shop("GET", f"/orders/{number}/notes")
    assert fault(denied) == (403, "ClientAccessForbiddenException")
    assert denied.json()["fault"]["arguments"] == {"method": "GET", "path": f"/orders/{number}/notes"}
    assert fault(world.shop("POST", "/order_search", {})) == (403, "ClientAccessForbiddenException")


def test_the_user_grant_names_the_agent(make_world: Any) -> None:
    world = make_world({"instances": [{"tenant": "zzxy_prd", "shop_needs_user": True}]})
    number = world.order()
    path = f"/orders/{number}/notes"
    assert fault(world.shop("GET", path)) == (403, "AccessWithoutUserForbiddenException")

    def grant(password: Any) -> Any:
        auth = ("agent@shop.example", f"{password}:ocapi-secret")
        url = "/dw/oauth2/access_token?client_id=ocapi-client"
        return world.request("POST", url, data={"grant_type": USER_GRANT}, auth=auth)

    assert grant("wrong").status_code == 401
    answer = grant("agent-access-key")
    assert answer.json()["expires_in"] == 899
    assert world.shop("POST", path, {"subject": "a", "text": "b"}, headers=bearer(answer)).status_code == 200
    assert world.shop("GET", path, headers=bearer(answer)).json()["notes"][0]["created_by"] == "agent@shop.example"
    world.time.pass_(899)
    assert fault(world.shop("GET", path, headers=bearer(answer))) == (401, "InvalidAccessTokenException")


def test_a_plain_put_is_for_sandboxes(make_world: Any) -> None:
    world = make_world({"instances": [{"tenant": "zzxy_prd"}, {"tenant": "zzxy_001"}]})
    path = "/sites/RefArch/orders/{}/status"
    number = world.order()
    plain = world.data("PUT", path.format(number), {"status": "cancelled"}, override=False)
    assert fault(plain) == (405, "MethodNotAllowedException")
    assert world.data("PUT", path.format(number), {"status": "cancelled"}).status_code == 204
    world.tenant = "zzxy_001"
    number = world.order()
    assert world.data("PUT", path.format(number), {"status": "cancelled"}, override=False).status_code == 204


def test_the_method_can_be_overridden_by_header_or_query(world: Any) -> None:
    number = world.order()
    url = f"/instances/zzxy_prd/s/-/dw/data/v25_6/sites/RefArch/orders/{number}/status"
    headers = world.bearer("ocapi-client")
    answer = world.request("POST", url, params={"method": "PUT"}, json={"status": "cancelled"}, headers=headers)
    assert answer.status_code == 204
    wrong = {**headers, "x-dw-http-method-override": "TRACE"}
    answer = world.request("POST", url, json={"status": "new"}, headers=wrong)
    assert fault(answer) == (400, "IllegalHttpMethodOverrideException")
    assert fault(world.request("POST", url, json={"status": "new"}, headers=headers)) == (
        405,
        "MethodNotAllowedException",
    )


def test_addresses_versions_and_hosts(world: Any) -> None:
    number = world.order()
    headers = world.bearer("ocapi-client")
    path = f"/s/RefArch/dw/shop/v25_6/orders/{number}"
    assert world.request("GET", path, host="zzxy-prd.sfcc.example", headers=headers).status_code == 200
    assert world.request("GET", path, host="zzxy-stg.sfcc.example", headers=headers).status_code == 404
    assert world.request("GET", path, host="unknown.example", headers=headers).status_code == 404
    old = world.request("GET", path.replace("25_6", "20_4"), host="zzxy-prd.sfcc.example", headers=headers)
    assert old.json()["_v"] == "20.4"
    host = {"host": "zzxy-prd.sfcc.example", "headers": headers}
    assert fault(world.request("GET", path.replace("25_6", "11_1"), **host)) == (404, "VersionNotFoundException")
    assert fault(world.request("GET", path.replace("orders", "order"), **host)) == (
        404,
        "ResourcePathNotFoundException",
    )
    assert slug(world.scapi("GET", "checkout/orders/nothing")) == (404, "resource-not-found")
    assert slug(world.orders("DELETE", f"/{number}")) == (405, "method-not-allowed")


def test_offline_sites_and_missing_tokens(make_world: Any) -> None:
    world = make_world({"instances": [{"tenant": "zzxy_prd", "offline_sites": ["RefArchGlobal"]}]})
    assert fault(world.shop("GET", "/orders/1", site="RefArchGlobal")) == (403, "SiteOfflineException")
    answer = world.request("GET", "/s/RefArch/dw/shop/v25_6/orders/1")
    assert fault(answer) == (401, "AuthorizationHeaderMissingException")


def test_bodies_must_be_json_of_reasonable_size(world: Any) -> None:
    number = world.order()
    url = f"/checkout/orders/v1/organizations/f_ecom_zzxy_prd/orders/{number}?siteId=RefArch"
    headers = {**world.bearer(), "content-type": "application/json"}
    assert slug(world.request("PATCH", url, content=b"{", headers=headers)) == (400, "bad-request")
    assert slug(world.request("PATCH", url, content=b"[]", headers=headers)) == (400, "bad-request")
    assert slug(world.request("PATCH", url, content=b"", headers=headers)) == (400, "bad-request")
    assert world.request("PATCH", url, content=b" " * 5_242_881, headers=headers).status_code == 413
    text = {**headers, "content-type": "text/plain"}
    assert slug(world.request("PATCH", url, content=b"{}", headers=text)) == (415, "unsupported-content-type")
    answer = world.shop("PATCH", f"/orders/{number}", [1])
    assert fault(answer) == (400, "BodyDecodingException")


def test_correlation_ids_come_back(world: Any) -> None:
    answer = world.orders("GET", headers={"correlation-id": "abc"})
    assert answer.headers["x-correlation-id"] == "abc"
    assert world.orders("GET").headers["x-correlation-id"]


def test_realms_are_apart(make_world: Any) -> None:
    world = make_world(
        {
            "instances": [{"tenant": "aaaa_prd"}, {"tenant": "bbbb_prd"}],
            "clients": [
                {"id": "scapi-client", "secret": "scapi-secret", "tenants": ["aaaa_prd", "bbbb_prd"]},
                {"id": "ocapi-client", "secret": "ocapi-secret", "kind": "ocapi"},
            ],
        },
        tenant="aaaa_prd",
    )
    number = world.order()
    assert world.orders("GET", f"/{number}").status_code == 200
    world.tenant = "bbbb_prd"
    assert world.orders("GET", f"/{number}").status_code == 404
    assert world.shop("GET", f"/orders/{number}").status_code == 404
    assert world.effects() == []


@pytest.mark.parametrize(
    "settings",
    [
        {"instance": []},
        {"instances": []},
        {"instances": [{"tenant": "zzxy"}]},
        {"instances": [{"tenant": "zzxy_prd", "sites": []}]},
        {"instances": [{"tenant": "zzxy_prd"}, {"tenant": "zzxy_prd"}]},
        {"instances": [{"tenant": "zzxy_prd", "index_lag": "slow"}]},
        {"instances": [{"tenant": "zzxy_prd", "site_key": "default"}]},
        {"instances": [{"tenant": "zzxy_prd", "order_management": "yes"}]},
        {"clients": [{"id": "x"}]},
    ],
)
def test_wrong_settings_are_refused_with_what_is_allowed(settings: Any) -> None:
    with pytest.raises(SpecError, match=r"simulator|instance"):
        SfccSettings.from_dict(settings)


def test_secrets_are_in_no_repr() -> None:
    assert "scapi-secret" not in repr(SfccSettings())
    assert "agent-access-key" not in repr(SfccSettings())
