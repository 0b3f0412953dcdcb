"""Recalls: products per site, content assets, imports and replication that undo, granular replication."""

from typing import Any

import pytest

PRODUCT = "product/products/products/"
PUBLISH = "operation/replications/granular-processes"


def fault(answer: Any) -> Any:
    return answer.status_code, answer.json()["fault"]["type"]


def slug(answer: Any) -> Any:
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


def seen(world: Any, product: Any, site: Any = "RefArch") -> Any:
    query = f"storefront?instance={world.tenant}&site={site}&product={product}"
    return world.sim(query, method="GET").json()["visible"]


def family(world: Any) -> None:
    for spec in (
        {"id": "master", "kind": "master"},
        {"id": "red", "master": "master"},
        {"id": "blue", "master": "master"},
        {"id": "single"},
        {"id": "pair", "kind": "set", "members": ["single", "red"]},
    ):
        assert world.sim("products", {"instance": world.tenant, **spec}).status_code == 201


def test_a_product_is_switched_off_for_one_site(world: Any) -> None:
    family(world)
    before = world.scapi("GET", f"{PRODUCT}red").json()
    assert (before["online"], before["onlineFlag"]) == (True, {"default": True})
    answer = world.scapi("PATCH", f"{PRODUCT}red", {"onlineFlag": {"RefArch": False}}, site=None)
    assert answer.json()["onlineFlag"] == {"default": True, "RefArch": False}
    assert (seen(world, "red"), seen(world, "red", "RefArchGlobal"), seen(world, "blue")) == (False, True, True)
    assert world.scapi("GET", f"{PRODUCT}red").json()["online"] is False
    assert world.scapi("GET", f"{PRODUCT}red", site="RefArchGlobal").json()["online"] is True
    world.scapi("PATCH", f"{PRODUCT}red", {"onlineFlag": {"RefArch": None}}, site=None)
    assert seen(world, "red")
    assert world.effects("product.change")[0].args == {"onlineFlag": {"RefArch": False}}


def test_a_master_hides_its_variants(world: Any) -> None:
    family(world)
    world.data("PATCH", "/products/master", {"online_flag": {"default": False}})
    assert (seen(world, "red"), seen(world, "single")) == (False, True)
    shown = world.scapi("GET", f"{PRODUCT}master").json()
    assert [each["productId"] for each in shown["variants"]] == ["red", "blue"]
    assert world.scapi("GET", f"{PRODUCT}red").json()["master"] == {"masterId": "master"}
    assert [each["id"] for each in world.scapi("GET", f"{PRODUCT}pair").json()["setProducts"]] == ["single", "red"]


def test_the_key_form_is_the_instances_own(make_world: Any) -> None:
    world = make_world({"instances": [{"tenant": "zzxy_prd", "site_key": "default@{site}"}]})
    family(world)
    wrong = world.scapi("PATCH", f"{PRODUCT}red", {"onlineFlag": {"RefArch": False}}, site=None)
    assert slug(wrong) == (400, "unknown-site-id")
    wrong = world.data("PATCH", "/products/red", {"online_flag": {"RefArch": False}})
    assert fault(wrong) == (400, "UnknownSiteIdException")
    assert world.data("PATCH", "/products/red", {"online_flag": {"default@RefArch": False}}).status_code == 200
    assert seen(world, "red") is False


def test_what_a_product_patch_changes_and_what_it_ignores(world: Any) -> None:
    family(world)
    body = {
        "id": "red",
        "name": {"default": "Red"},
        "pageTitle": {"de_DE": "Rot"},
        "online": False,
        "price": 1,
        "c_caseconnectNotice": "Do not use",
        "c_nothing": "x",
    }
    shown = world.scapi("PATCH", f"{PRODUCT}red", body, site=None).json()
    assert (shown["name"], shown["pageTitle"]) == ({"default": "Red"}, {"de_DE": "Rot"})
    assert (shown["online"], shown["price"], shown["c_caseconnectNotice"]) == (True, 99.0, "Do not use")
    assert "c_nothing" not in shown
    world.scapi("PATCH", f"{PRODUCT}red", {"name": {"de_DE": "Rot"}}, site=None)
    assert world.scapi("GET", f"{PRODUCT}red").json()["name"] == {"default": "Red", "de_DE": "Rot"}
    assert slug(world.scapi("PATCH", f"{PRODUCT}red", {"colour": 1}, site=None)) == (400, "unknown-property")
    assert slug(world.scapi("PATCH", f"{PRODUCT}red", {"onlineFlag": {"RefArch": "no"}}, site=None)) == (
        400,
        "bad-request",
    )
    assert slug(world.scapi("GET", f"{PRODUCT}none")) == (404, "product-not-found")
    assert fault(world.data("PATCH", "/products/red", {"id": "blue"})) == (400, "IdConflictException")
    wrong = world.data("PATCH", "/products/master", {"default_variant_id": "single"})
    assert fault(wrong) == (400, "ProductDefaultVariantException")
    assert world.data("PATCH", "/products/master", {"default_variant_id": "red"}).json()["default_variant_id"] == "red"


def test_dates_switch_a_product_off_too(world: Any) -> None:
    family(world)
    world.data("PATCH", "/products/red", {"valid_to": {"RefArch": "2026-11-03T10:00:00.000Z"}})
    assert seen(world, "red")
    world.time.pass_(3600)
    assert not seen(world, "red")
    assert seen(world, "red", "RefArchGlobal")


def test_an_import_switches_a_product_on_again(world: Any) -> None:
    family(world)
    world.scapi("PATCH", f"{PRODUCT}red", {"onlineFlag": {"RefArch": False}}, site=None)
    assert world.sim("import", {"products": {"red": {"RefArch": True}}}).json() == {"touched": 1}
    assert seen(world, "red")
    assert world.effects("product.switch")[0].who == "import"


def test_replication_overwrites_what_was_done_on_production(world: Any) -> None:
    world.tenant = "zzxy_stg"
    family(world)
    world.sim("content", {"instance": "zzxy_stg", "id": "notice"})
    assert world.sim("replicate", {"instance": "zzxy_stg"}).json() == {"changed": 6}
    world.tenant = "zzxy_prd"
    assert seen(world, "red")
    world.scapi("PATCH", f"{PRODUCT}red", {"onlineFlag": {"default": False}}, site=None)
    assert not seen(world, "red")
    assert world.sim("replicate", {"instance": "zzxy_stg"}).json() == {"changed": 1}
    assert seen(world, "red")
    assert world.effects("product.replicate")[-1].who == "replication"


def test_a_single_item_is_published_from_staging(world: Any) -> None:
    world.tenant = "zzxy_stg"
    family(world)
    world.sim("replicate", {"instance": "zzxy_stg"})
    world.scapi("PATCH", f"{PRODUCT}red", {"onlineFlag": {"default": False}}, site=None)
    made = world.scapi("POST", PUBLISH, {"product": {"productId": "red"}}, site=None)
    assert made.status_code == 201
    path = f"{PUBLISH}/{made.json()['id']}"
    assert world.scapi("GET", path, site=None).json()["status"] == "pending"
    world.time.pass_(10)
    assert world.scapi("GET", path, site=None).json()["status"] == "in_progress"
    again = world.scapi("POST", PUBLISH, {"product": {"productId": "red"}}, site=None)
    assert slug(again) == (409, "published-twice")
    world.tenant = "zzxy_prd"
    assert seen(world, "red")
    world.tenant = "zzxy_stg"
    world.time.pass_(10)
    done = world.scapi("GET", path, site=None).json()
    assert (done["status"], done["productItem"]) == ("completed", {"productId": "red"})
    world.tenant = "zzxy_prd"
    assert not seen(world, "red")


def test_publishing_is_refused_where_it_cannot_be(make_world: Any) -> None:
    world = make_world({"instances": [{"tenant": "zzxy_prd"}, {"tenant": "zzxy_stg", "granular_replication": False}]})
    body = {"product": {"productId": "red"}}
    assert slug(world.scapi("POST", PUBLISH, body, site=None)) == (422, "not-on-staging")
    world.tenant = "zzxy_stg"
    answer = world.scapi("POST", PUBLISH, body, site=None)
    assert slug(answer) == (403, "granular-replication-feature-not-enabled")


def test_publishing_waits_for_replication_has_a_limit_and_can_fail(world: Any) -> None:
    world.tenant = "zzxy_stg"
    for index in range(51):
        world.sim("products", {"instance": "zzxy_stg", "id": f"p{index}"})

    def publish(product: Any) -> Any:
        return world.scapi("POST", PUBLISH, {"product": {"productId": product}}, site=None)

    world.sim("replicate", {"instance": "zzxy_stg", "seconds": 30})
    assert slug(publish("p0")) == (409, "replication-running")
    world.time.pass_(30)
    assert slug(publish("none")) == (404, "item-not-found")
    world.sim("replicate", {"instance": "zzxy_stg", "next_fails": True})
    first = publish("p0").json()["id"]
    assert [publish(f"p{index}").status_code for index in range(1, 50)] == [201] * 49
    assert slug(publish("p50")) == (409, "too-many-queued")
    world.time.pass_(20)
    assert world.scapi("GET", f"{PUBLISH}/{first}", site=None).json()["status"] == "failed"
    assert publish("p50").status_code == 201


def test_content_assets_per_library_and_site(world: Any) -> None:
    path = "/libraries/RefArch/content/checkout-notice"
    body = {
        "online": {"RefArch": True},
        "name": {"default": "Notice"},
        "c_body": {"default": {"source": "<b>Stop</b>"}},
    }
    assert world.data("PUT", path, body).json()["c_body"] == {"default": {"source": "<b>Stop</b>"}}
    shown = world.sim("storefront?content=checkout-notice", method="GET").json()
    assert shown["content_shown"] is True
    world.data("PATCH", path, {"online": {"RefArch": False}})
    assert world.sim("storefront?content=checkout-notice", method="GET").json()["content_shown"] is False
    assert world.data("GET", path).json()["name"] == {"default": "Notice"}
    assert fault(world.data("GET", "/libraries/Nowhere/content/x")) == (404, "LibraryNotFoundException")
    assert fault(world.data("PATCH", "/libraries/RefArch/content/x", {})) == (404, "ContentNotFoundException")
    assert fault(world.data("PUT", path, {"colour": 1})) == (400, "UnknownPropertyException")
    assert fault(world.data("PUT", path, {"c_colour": 1})) == (400, "InvalidCustomPropertyException")
    assert world.data("DELETE", path).status_code == 204
    assert fault(world.data("GET", path)) == (404, "ContentNotFoundException")


@pytest.mark.parametrize("camel", [True, False])
def test_products_are_searched_in_both_spellings(world: Any, camel: Any) -> None:
    family(world)
    world.data("PATCH", "/products/red", {"online_flag": {"RefArch": False}})
    if camel:
        query = {"termQuery": {"fields": ["online"], "operator": "is", "values": [False]}}
        body = {"query": query, "sorts": [{"field": "id", "sortOrder": "desc"}]}
        answer = world.scapi("POST", "product/products/product-search", body)
        wrong = {"query": {"termQuery": {"fields": ["colour"], "operator": "is_null"}}}
        assert slug(world.scapi("POST", "product/products/product-search", wrong)) == (400, "unqueryable-field")
        unsortable = {"query": {"matchAllQuery": {}}, "sorts": [{"field": "lastModified"}]}
        assert slug(world.scapi("POST", "product/products/product-search", unsortable)) == (400, "field-not-sortable")
    else:
        query = {"term_query": {"fields": ["online"], "operator": "is", "values": [False]}}
        answer = world.data("POST", "/product_search", {"query": query, "select": "(hits.(id),total)"})
    assert [each["id"] for each in answer.json()["hits"]] == ["red"]
    assert answer.json()["total"] == 1


def test_attribute_definitions_want_if_match(world: Any) -> None:
    path = "/system_object_definitions/Product/attribute_definitions/caseconnectNotice"
    etag = world.data("GET", path).headers["etag"]
    assert fault(world.data("PATCH", path, {"searchable": False})) == (409, "IfMatchRequiredException")
    assert world.data("PATCH", path, {"searchable": False}, headers={"If-Match": etag}).status_code == 200
    stale = world.data("PATCH", path, {"searchable": True}, headers={"If-Match": etag})
    assert fault(stale) == (412, "InvalidIfMatchException")
    missing = path.replace("caseconnectNotice", "none")
    assert fault(world.data("GET", missing)) == (404, "AttributeDefinitionNotFoundException")
    assert fault(world.data("GET", path.replace("Product", "Nothing"))) == (404, "ObjectTypeNotFoundException")
    made = world.data("PUT", missing, {"value_type": "nonsense"})
    assert fault(made) == (400, "EnumConstraintViolationException")


def test_an_attribute_that_is_not_searchable_cannot_be_searched(world: Any) -> None:
    query = {"query": {"term_query": {"fields": ["c_onHold"], "operator": "is", "values": [True]}}}
    assert world.shop("POST", "/order_search", query).status_code == 200
    path = "/system_object_definitions/Order/attribute_definitions/onHold"
    world.data("PATCH", path, {"searchable": False}, headers={"If-Match": '"1"'})
    assert fault(world.shop("POST", "/order_search", query)) == (400, "UnknownSearchFieldException")
