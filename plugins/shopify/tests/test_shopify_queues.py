"""Amazon SQS and Google Pub/Sub with stand-ins for the libraries; a server that we did not write is asked in
`make conformance`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from caseconnect.sdk.components import Listener, Pushed
from caseconnect.sdk.errors import AuthError, ConfigError, ConnectError, PermanentError, TransientError
from caseconnect.sdk.resources import Resources
from caseconnect.sdk.secrets import Secret
from caseconnect.sdk.testing.resources import RecordingLog
from caseconnect_shopify import pubsub, sqs
from caseconnect_shopify.config import PubSubSettings, ShopifySettings, SqsSettings
from caseconnect_shopify.queues import UNREADABLE
from caseconnect_shopify.trigger import TRIGGER, wakes

SHOP = "demo-shop.myshopify.com"
QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/shop"
SUBSCRIPTION = "projects/acme/subscriptions/shop"
HEADERS = {
    "Content-Type": "application/json",
    "X-Shopify-Topic": "orders/create",
    "X-Shopify-Shop-Domain": SHOP,
    "X-Shopify-Webhook-Id": "w-1",
    "X-Shopify-Event-Id": "e-1",
    "X-Shopify-Triggered-At": "2026-11-21T12:00:00.000000000Z",
}


class EmptyError(Exception):
    """The stand-in has nothing more: the listener is to end here."""


@dataclass
class Heard:
    """What was delivered, and what the queue was told to forget, in one order of events."""

    log: RecordingLog
    events: list[Any] = field(default_factory=list)
    refuse: set[str] = field(default_factory=set)

    async def deliver(self, pushed: Pushed) -> None:
        if pushed.delivery_id in self.refuse:
            raise TransientError("the journal is full")
        self.events.append(pushed)

    def delivered(self) -> list[Pushed]:
        return [e for e in self.events if isinstance(e, Pushed)]

    def forgotten(self) -> list[str]:
        return [e for e in self.events if isinstance(e, str)]


@pytest.fixture
def heard() -> Heard:
    return Heard(RecordingLog())


@pytest.fixture
def listen_sqs(
    monkeypatch: pytest.MonkeyPatch, settings: ShopifySettings, make_resources: Callable[..., Resources], heard: Heard
) -> Any:
    """Listen to a queue that holds these texts, until it is empty; the error it ended with."""

    def listen(*texts: str, fault: Exception | None = None, **more: Any) -> BaseException:
        asked: dict[str, Any] = {}

        class Client:
            def __init__(self) -> None:
                self.left = [
                    {"MessageId": f"id-{n}", "ReceiptHandle": f"r-{n}", "Body": t} for n, t in enumerate(texts)
                ]

            def receive_message(self, **wanted: Any) -> dict[str, Any]:
                if fault:
                    raise fault
                if not self.left:
                    raise EmptyError
                some, self.left = self.left[: wanted["MaxNumberOfMessages"]], self.left[10:]
                return {"Messages": some}

            def delete_message_batch(self, **wanted: Any) -> None:
                assert wanted["QueueUrl"] == QUEUE
                heard.events += [e["ReceiptHandle"] for e in wanted["Entries"]]

        def client(name: str, **given: Any) -> Client:
            asked.update(given)
            return Client()

        boto3, config = ModuleType("boto3"), ModuleType("botocore.config")
        vars(boto3)["client"] = client
        vars(config)["Config"] = lambda **given: given
        monkeypatch.setitem(sys.modules, "boto3", boto3)
        monkeypatch.setitem(sys.modules, "botocore", ModuleType("botocore"))
        monkeypatch.setitem(sys.modules, "botocore.config", config)
        wanted = settings.model_copy(update={"sqs": SqsSettings(queue_url=QUEUE, region="eu-central-1", **more)})
        resources = make_resources(None)
        resources.log = heard.log
        with pytest.raises((ConnectError, EmptyError)) as caught:
            asyncio.run(sqs.listen(wanted, resources, heard.deliver))
        heard.asked = asked  # type: ignore[attr-defined] # for the one test that looks
        return caught.value

    return listen


def event(payload: Any, **headers: str) -> str:
    detail = {"payload": payload, "metadata": HEADERS | {k.replace("_", "-"): v for k, v in headers.items()}}
    return json.dumps({"version": "0", "id": "x", "detail-type": "shopifyWebhook", "detail": detail})


def test_sqs_messages_become_deliveries_and_are_forgotten_after(listen_sqs: Any, heard: Heard) -> None:
    listen_sqs(event({"id": 820982911946154508, "note": "Grüße"}))
    (pushed,) = heard.delivered()
    assert (pushed.topic, pushed.delivery_id) == ("orders/create", "w-1")
    assert json.loads(pushed.body) == {"id": 820982911946154508, "note": "Grüße"}
    assert dict(pushed.headers) == {
        "X-Shopify-Event-Id": "e-1",
        "X-Shopify-Triggered-At": "2026-11-21T12:00:00.000000000Z",
    }
    assert heard.events == [pushed, "r-0"]


def test_sqs_a_rule_that_passes_on_the_detail_only(listen_sqs: Any, heard: Heard) -> None:
    listen_sqs(json.dumps(json.loads(event({"id": 1}))["detail"]))
    assert [p.delivery_id for p in heard.delivered()] == ["w-1"]


def test_sqs_what_is_not_stored_stays(listen_sqs: Any, heard: Heard) -> None:
    heard.refuse = {"w-2"}
    error = listen_sqs(event({}), event({}, X_Shopify_Webhook_Id="w-2"), event({}, X_Shopify_Webhook_Id="w-3"))
    assert isinstance(error, TransientError)
    assert "journal is full" in str(error)
    assert [p.delivery_id for p in heard.delivered()] == ["w-1", "w-3"]
    assert heard.forgotten() == ["r-0", "r-2"]


def test_sqs_another_shops_messages_stay(listen_sqs: Any, heard: Heard) -> None:
    listen_sqs(event({}, X_Shopify_Shop_Domain="other-shop.myshopify.com"))
    assert heard.events == []
    assert "another shop" in str(heard.log.lines)


@pytest.mark.parametrize(
    "text", ["", "not json", "[]", "null", '{"detail": 5}', '{"detail": {"metadata": []}}', '{"id": 1}']
)
def test_sqs_what_is_not_shopifys_is_stored_and_shown(text: str, listen_sqs: Any, heard: Heard) -> None:
    listen_sqs(text)
    (pushed,) = heard.delivered()
    assert (pushed.topic, pushed.delivery_id, pushed.body) == (UNREADABLE, "sqs-id-0", text.encode())
    assert heard.forgotten() == ["r-0"]


class ClientError(Exception):
    """Shaped like botocore's."""

    def __init__(self, code: str) -> None:
        super().__init__("the text names AKIA-THE-KEY")
        self.response = {"Error": {"Code": code, "Message": "AKIA-THE-KEY"}}


@pytest.mark.parametrize(
    ("fault", "kind", "says"),
    [
        (ClientError("InvalidClientTokenId"), AuthError, "InvalidClientTokenId"),
        (ClientError("AccessDenied"), AuthError, "refuses the queue 'shop'"),
        (ClientError("AWS.SimpleQueueService.NonExistentQueue"), PermanentError, "no queue 'shop' in eu-central-1"),
        (ClientError("ServiceUnavailable"), TransientError, "ServiceUnavailable"),
        (ConnectionError("refused"), TransientError, "ConnectionError"),
        (type("NoCredentialsError", (Exception,), {})(), AuthError, "NoCredentialsError"),
    ],
)
def test_sqs_errors(fault: Exception, kind: type[Exception], says: str, listen_sqs: Any) -> None:
    error = listen_sqs(fault=fault)
    assert type(error) is kind
    assert says in str(error)
    assert "AKIA" not in str(error)


def test_sqs_credentials_come_from_the_vault(listen_sqs: Any, heard: Heard) -> None:
    listen_sqs(access_key_id="AKIA1", secret_access_key=Secret(env="SHOP_SECRET"))
    given = heard.asked  # type: ignore[attr-defined] # set by the fixture
    assert (given["aws_access_key_id"], given["aws_secret_access_key"]) == ("AKIA1", "sim-secret")
    assert given["config"]["retries"] == {"total_max_attempts": 1}


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"queue_url": "http://sqs.example/q", "region": "eu-central-1"}, "https"),
        ({"queue_url": QUEUE, "region": "eu-central-1", "access_key_id": "AKIA1"}, "belong together"),
        ({"queue_url": QUEUE}, "region"),
    ],
)
def test_sqs_settings(more: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        SqsSettings.model_validate(more)


@pytest.fixture
def listen_pubsub(
    monkeypatch: pytest.MonkeyPatch, settings: ShopifySettings, make_resources: Callable[..., Resources], heard: Heard
) -> Any:
    """Listen to a subscription that holds these (data, attributes), until it is empty; the error it ended with."""

    def listen(*messages: tuple[bytes, dict[str, str]], faults: tuple[Exception, ...] = (), **more: Any) -> Any:
        class Client:
            key: Any = None

            def __init__(self) -> None:
                self.left, self.faults = list(enumerate(messages)), list(faults)

            @classmethod
            def from_service_account_info(cls, key: Any) -> Client:
                cls.key = key
                return cls()

            def pull(self, *, request: Any, timeout: float) -> Any:
                assert request["subscription"] == SUBSCRIPTION
                if self.faults:
                    raise self.faults.pop(0)
                if not self.left:
                    raise EmptyError
                some, self.left = self.left, []
                received = [
                    SimpleNamespace(ack_id=f"a-{n}", message=SimpleNamespace(data=d, attributes=a, message_id=str(n)))
                    for n, (d, a) in some
                ]
                return SimpleNamespace(received_messages=received)

            def acknowledge(self, *, request: Any) -> None:
                heard.events += request["ack_ids"]

            def close(self) -> None:
                heard.events.append("closed")

        library = ModuleType("google.cloud.pubsub_v1")
        vars(library)["SubscriberClient"] = Client
        monkeypatch.setitem(sys.modules, "google", ModuleType("google"))
        monkeypatch.setitem(sys.modules, "google.cloud", ModuleType("google.cloud"))
        monkeypatch.setitem(sys.modules, "google.cloud.pubsub_v1", library)
        wanted = settings.model_copy(update={"pubsub": PubSubSettings(subscription=SUBSCRIPTION, **more)})
        resources = make_resources(None)
        resources.log = heard.log
        with pytest.raises((ConnectError, EmptyError)) as caught:
            asyncio.run(pubsub.listen(wanted, resources, heard.deliver))
        return caught.value, Client

    return listen


def test_pubsub_messages_become_deliveries_and_are_acknowledged_after(listen_pubsub: Any, heard: Heard) -> None:
    empty = type("DeadlineExceeded", (Exception,), {})()
    listen_pubsub((b'{"id": 1}', HEADERS), (b'{"id": 2}', {}), faults=(empty,))
    first, odd = heard.delivered()
    assert (first.topic, first.delivery_id, first.body) == ("orders/create", "w-1", b'{"id": 1}')
    assert (odd.topic, odd.delivery_id) == (UNREADABLE, "pubsub-1")
    assert heard.events[2:] == ["a-0", "a-1", "closed"]


def test_pubsub_what_is_not_stored_or_another_shops_stays(listen_pubsub: Any, heard: Heard) -> None:
    heard.refuse = {"w-1"}
    error, _ = listen_pubsub((b"{}", HEADERS), (b"{}", HEADERS | {"X-Shopify-Shop-Domain": "other.myshopify.com"}))
    assert isinstance(error, TransientError)
    assert heard.events == ["closed"]


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("PermissionDenied", AuthError),
        ("Unauthenticated", AuthError),
        ("NotFound", PermanentError),
        ("ServiceUnavailable", TransientError),
    ],
)
def test_pubsub_errors(word: str, kind: type[Exception], listen_pubsub: Any) -> None:
    error, _ = listen_pubsub(faults=(type(word, (Exception,), {})("mail@project.example"),))
    assert type(error) is kind
    assert "mail@" not in str(error)


def test_pubsub_credentials(listen_pubsub: Any) -> None:
    error, _ = listen_pubsub(credentials=Secret(env="SHOP_SECRET"))
    assert isinstance(error, ConfigError)  # the vault's value is no JSON
    assert "sim-secret" not in str(error)


@pytest.mark.parametrize(
    ("module", "more", "extra"),
    [
        (sqs, {"sqs": SqsSettings(queue_url=QUEUE, region="eu-central-1")}, "[sqs]"),
        (pubsub, {"pubsub": PubSubSettings(subscription=SUBSCRIPTION)}, "[pubsub]"),
    ],
)
def test_without_the_library_the_way_to_it_is_told(
    module: Any,
    more: dict[str, Any],
    extra: str,
    monkeypatch: pytest.MonkeyPatch,
    settings: ShopifySettings,
    make_resources: Callable[..., Resources],
    heard: Heard,
) -> None:
    for name in ("boto3", "google.cloud.pubsub_v1"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigError) as caught:
        asyncio.run(module.listen(settings.model_copy(update=more), make_resources(None), heard.deliver))
    assert f"pip install 'caseconnect-shopify{extra}'" in str(caught.value)


def test_the_trigger_listens_only_where_it_is_told(settings: ShopifySettings) -> None:
    assert not [w for w in wakes(settings) if isinstance(w, Listener)]
    both = {
        "sqs": SqsSettings(queue_url=QUEUE, region="eu-central-1"),
        "pubsub": PubSubSettings(subscription=SUBSCRIPTION),
    }
    found = [w.run for w in wakes(settings.model_copy(update=both)) if isinstance(w, Listener)]
    assert found == [sqs.listen, pubsub.listen]
    assert TRIGGER.ways == {"sqs": "beta", "pubsub": "experimental"}
