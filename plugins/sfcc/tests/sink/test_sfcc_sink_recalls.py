"""Recalls: products off sale and back, notices on products and at checkout, published from a staging instance."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from caseconnect.sdk.commands import RemoveNotice, RestoreProduct, ShowNotice, SuppressProduct
from caseconnect.sdk.errors import TransientError, UnknownOutcome
from caseconnect.sdk.subjects import Subject
from caseconnect_sfcc.simulator.scenarios import create_product
from caseconnect_sfcc.sink import SfccSink

MUG = Subject("shop", "product", "mug")
CHECKOUT = Subject("shop", "site", "RefArch")
ASSET = ("RefArch", "caseconnect-checkout-notice")
STAGING = {
    "staging": {
        "organization_id": "f_ecom_zzxy_stg",
        "host": "staging.brand.example",
        "ocapi_base_url": "https://sim.test/instances/zzxy_stg",
    }
}


def mug(play: Any, **flags: Any) -> Any:
    """A product, on every instance; the one that is sold."""
    for instance in play.desk.app.instances.values():
        create_product(instance, {"id": "mug", "name": "Mug", **flags})
    return play.instance.products["mug"]


@pytest.mark.parametrize(
    "flags", [{"RefArch": True, "RefArchGlobal": True}, {"RefArch": False, "RefArchGlobal": True}], ids=["on", "partly"]
)
@pytest.mark.parametrize("told", [True, False], ids=["by the host", "by the product"])
def test_undoing_a_recall_restores_what_was_there(stage: Callable[..., Any], flags: Any, told: bool) -> None:
    play = stage(sites=["RefArch", "RefArchGlobal"], writing={"suppress_by": ["onlineFlag", "searchable"]})
    product = mug(play, online_flag=flags, searchable=flags)
    first = product.content()
    suppress = SuppressProduct(target=MUG)
    before = play.before(suppress)
    assert play.see(suppress).seen is False
    assert play.do(suppress).data == {"before": before}
    assert [play.instance.visible("mug", site) for site in ("RefArch", "RefArchGlobal")] == [False, False]
    assert play.see(suppress).seen is True
    assert play.before(suppress) == before, "what is off by our recall is not what was there before it"
    assert play.do(suppress, "another").note == "it was off sale already"
    restore = RestoreProduct(target=MUG, receipt={"before": before} if told else {})
    assert play.do(restore).state == "done"
    assert product.content() == first
    assert play.see(restore).seen is True
    assert play.do(restore).note == "there was no recall of ours"
    assert play.changes() == ["product.change", "product.change"]


@pytest.mark.parametrize(
    ("flags", "site_key", "keys"),
    [
        ({"online_flag": {"RefArch": True}}, "{site}", {"RefArch"}),
        ({"online_flag": {"default@RefArch": True}}, "default@{site}", {"default@RefArch"}),
        ({"searchable": {"default@RefArchGlobal": True}}, "default@{site}", {"default@RefArch"}),
    ],
)
def test_the_form_of_keys_is_copied_from_the_product(
    stage: Callable[..., Any], flags: Any, site_key: str, keys: set[str]
) -> None:
    play = stage({"instances": [{"tenant": "zzxy_prd", "site_key": site_key}]})
    product = mug(play, **flags)
    play.do(SuppressProduct(target=MUG))
    assert {key for key, on in product.online_flag.items() if not on} == keys
    assert play.instance.visible("mug", "RefArch") is False
    assert play.instance.visible("mug", "RefArchGlobal") is True


def test_the_form_of_keys_is_a_setting_for_a_product_that_has_none(stage: Callable[..., Any]) -> None:
    play = stage(
        {"instances": [{"tenant": "zzxy_prd", "site_key": "default@{site}"}]}, writing={"site_key": "default@{site}"}
    )
    mug(play)
    play.do(SuppressProduct(target=MUG))
    assert play.instance.visible("mug", "RefArch") is False


@pytest.mark.parametrize("default", [True, False])
def test_a_key_that_was_not_there_gets_the_default_back(stage: Callable[..., Any], default: bool) -> None:
    play = stage()
    product = mug(play, online_flag={"default": default})
    play.do(SuppressProduct(target=MUG))
    assert product.online_flag == {"default": default, "RefArch": False}
    play.do(RestoreProduct(target=MUG))
    assert product.online_flag == {"default": default, "RefArch": default}


def test_what_somebody_put_on_sale_again_stays_on_sale(stage: Callable[..., Any]) -> None:
    play = stage()
    product = mug(play, online_flag={"RefArch": True})
    play.do(SuppressProduct(target=MUG))
    product.online_flag["RefArch"] = True
    assert play.see(SuppressProduct(target=MUG)).seen is False
    play.do(RestoreProduct(target=MUG))
    assert product.online_flag == {"default": True, "RefArch": True}


@pytest.mark.parametrize("told", [True, False], ids=["by the host", "by the product"])
@pytest.mark.parametrize("key", ["{site}", "default@{site}"])
def test_recalls_of_two_connections_to_one_instance_are_undone_one_by_one(
    stage: Callable[..., Any], told: bool, key: str
) -> None:
    one = stage({"instances": [{"tenant": "zzxy_prd", "site_key": key}]}, writing={"site_key": key})
    here, there = key.replace("{site}", "RefArch"), key.replace("{site}", "RefArchGlobal")
    product = mug(one, online_flag={here: True, there: True})
    first = product.content()
    settings = one.desk.settings
    two = copy.copy(one)
    two.sink = SfccSink(settings.model_copy(update={"sites": ("RefArchGlobal",)}), one.desk.fresh())
    suppress = SuppressProduct(target=MUG)
    of_one, of_two = (each.do(suppress).data["before"] for each in (one, two))
    assert (of_one, of_two) == ({"onlineFlag": {here: True}}, {"onlineFlag": {there: True}})
    assert (one.see(suppress).seen, two.see(suppress).seen) == (True, True)
    undo = RestoreProduct(target=MUG, receipt={"before": of_two} if told else {})
    assert two.see(undo).seen is False
    two.do(undo)
    assert [one.instance.visible("mug", site) for site in ("RefArch", "RefArchGlobal")] == [False, True]
    assert two.see(undo).seen is True
    assert two.do(undo).note == "there was no recall of ours"
    assert one.see(suppress).seen is True
    one.do(RestoreProduct(target=MUG, receipt={"before": of_one} if told else {}))
    assert product.content() == first


def test_a_site_that_joins_a_recall_later_is_restored_too(stage: Callable[..., Any]) -> None:
    play = stage()
    product = mug(play, online_flag={"RefArch": True, "RefArchGlobal": True})
    play.do(SuppressProduct(target=MUG))
    both = play.desk.settings.model_copy(update={"sites": ("RefArch", "RefArchGlobal")})
    play.sink = SfccSink(both, play.desk.fresh())
    assert play.see(SuppressProduct(target=MUG)).seen is False
    play.do(SuppressProduct(target=MUG))
    assert play.instance.visible("mug", "RefArchGlobal") is False
    play.do(RestoreProduct(target=MUG))
    assert product.online_flag == {"default": True, "RefArch": True, "RefArchGlobal": True}


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_suppression_whose_answer_was_lost(stage: Callable[..., Any], kind: str) -> None:
    play = stage()
    mug(play)
    play.fault("updateProduct", kind)
    with pytest.raises(UnknownOutcome):
        play.do(SuppressProduct(target=MUG))
    assert play.see(SuppressProduct(target=MUG)).seen is (kind == "drop_after")
    before = {"onlineFlag": {"RefArch": None}}
    assert play.do(SuppressProduct(target=MUG)).data == {"before": before}
    assert play.changes() == ["product.change"]


def test_a_notice_of_a_product_is_in_every_language_and_goes_again(stage: Callable[..., Any]) -> None:
    play = stage()
    product = mug(play, custom={"caseconnectNotice": {"default": "New!", "fr": "Nouveau !"}})
    show = ShowNotice(target=MUG, place="product", texts={"default": "Do not use it.", "de-CH": "Nicht benutzen."})
    before = play.before(show)
    assert before == {"texts": {"default": "New!", "fr": "Nouveau !"}}
    assert play.do(show).data == {"before": before}
    assert product.custom["caseconnectNotice"] == {"default": "Do not use it.", "de_CH": "Nicht benutzen."}
    assert play.see(show).seen is True
    assert play.do(show).note == "it was so already"
    remove = RemoveNotice(target=MUG, place="product", receipt={"before": before})
    assert play.see(remove).seen is False
    assert play.do(remove).state == "done"
    assert product.custom["caseconnectNotice"] == {"default": "New!", "fr": "Nouveau !"}
    assert play.see(remove).seen is True


def test_without_knowing_what_was_there_nothing_is_shown(stage: Callable[..., Any]) -> None:
    play = stage()
    product = mug(play)
    play.do(ShowNotice(target=MUG, place="product", texts={"default": "Stop."}))
    play.do(RemoveNotice(target=MUG, place="product"))
    assert not product.custom["caseconnectNotice"]


def test_a_notice_at_checkout_is_a_content_asset_made_once(stage: Callable[..., Any]) -> None:
    play = stage()
    show = ShowNotice(target=CHECKOUT, place="checkout", texts={"default": "Mugs <all> are recalled.", "de": "Rückruf"})
    before = play.before(show)
    assert before == {"texts": {}, "absent": True}
    play.fault("data.put_content")
    with pytest.raises(UnknownOutcome):
        play.do(show)
    assert play.see(show).seen is True
    asset = play.instance.content[ASSET]
    assert asset.custom["body"] == {
        "default": {"source": "<p>Mugs &lt;all&gt; are recalled.</p>"},
        "de": {"source": "<p>Rückruf</p>"},
    }
    assert asset.shown("default")
    assert play.do(show).note == "it was so already"
    remove = RemoveNotice(target=CHECKOUT, place="checkout", receipt={"before": before})
    assert play.do(remove).state == "done"
    assert not asset.shown("default")
    assert play.see(remove).seen is True
    other = show.model_copy(update={"texts": {"default": "Cups, too."}})
    assert play.do(other).state == "done"
    assert asset.custom["body"] == {"default": {"source": "<p>Cups, too.</p>"}}
    assert asset.shown("default")
    assert play.changes() == ["content.change"] * 3


def test_a_shared_library_is_named_in_the_settings(stage: Callable[..., Any]) -> None:
    play = stage(writing={"libraries": {"RefArch": "SharedLibrary"}, "checkout_notice": "warning"})
    play.do(ShowNotice(target=CHECKOUT, place="checkout", texts={"default": "Stop."}))
    assert ("SharedLibrary", "warning") in play.instance.content


def staged(stage: Callable[..., Any]) -> Any:
    play = stage(writing=STAGING)
    mug(play, online_flag={"RefArch": True})
    return play


def test_what_is_edited_on_staging_is_accepted_until_production_shows_it(stage: Callable[..., Any]) -> None:
    play = staged(stage)
    there = play.desk.app.instances["zzxy_stg"]
    suppress = SuppressProduct(target=MUG)
    accepted = play.do(suppress)
    assert accepted.state == "accepted"
    assert accepted.data["before"]["onlineFlag"] == {"RefArch": True}
    assert play.changes(there) == ["product.change", "replication.queue"]
    looked = suppress.model_copy(update={"receipt": accepted.data})
    assert (play.see(looked).seen, play.see(looked).note) == (False, "publishing: pending")
    play.clock.forward(20)
    assert play.see(looked).seen is True
    assert play.instance.visible("mug", "RefArch") is False
    restored = play.do(RestoreProduct(target=MUG, receipt={"before": accepted.data["before"]}))
    assert restored.state == "accepted"
    play.clock.forward(20)
    assert play.see(RestoreProduct(target=MUG, receipt=restored.data)).seen is True
    assert play.instance.products["mug"].content() == there.products["mug"].content()
    assert play.instance.visible("mug", "RefArch") is True


def test_checkout_notices_are_published_too(stage: Callable[..., Any]) -> None:
    play = staged(stage)
    show = ShowNotice(target=CHECKOUT, place="checkout", texts={"default": "Stop."})
    assert play.do(show).state == "accepted"
    assert play.see(show).seen is False
    play.clock.forward(20)
    assert play.see(show).seen is True
    assert play.instance.content[ASSET].shown("default")


def test_a_publication_that_fails_says_so(stage: Callable[..., Any]) -> None:
    play = staged(stage)
    play.desk.app.instances["zzxy_stg"].replication.next_fails = True
    accepted = play.do(SuppressProduct(target=MUG))
    play.clock.forward(20)
    seen = play.see(SuppressProduct(target=MUG, receipt=accepted.data))
    assert (seen.seen, seen.failed) == (False, True)
    assert play.do(SuppressProduct(target=MUG)).state == "accepted", "only publishing is repeated"
    assert play.changes(play.desk.app.instances["zzxy_stg"]) == [
        "product.change",
        "replication.queue",
        "replication.queue",
    ]


def test_a_publication_waits_for_a_running_one(stage: Callable[..., Any]) -> None:
    play = staged(stage)
    there = play.desk.app.instances["zzxy_stg"]
    there.replication.running_until = play.clock() + play.clock().resolution * 60_000_000
    with pytest.raises(UnknownOutcome, match="a part was done"):
        play.do(SuppressProduct(target=MUG))
    with pytest.raises(TransientError, match="running replication") as caught:
        play.do(SuppressProduct(target=MUG))
    assert caught.value.retry_after == 60
    play.clock.forward(120)
    assert play.do(SuppressProduct(target=MUG)).state == "accepted"
    assert play.do(SuppressProduct(target=MUG)).note == "it is queued for publishing already"
