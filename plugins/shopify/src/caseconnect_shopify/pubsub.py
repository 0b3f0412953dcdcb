"""Shopify's events through Google Pub/Sub, by Google's own library (google-cloud-pubsub, extra `pubsub`). Experimental:

no emulator of Google's could be had for the tests. A message's data is the body, its attributes are the headers
(Shopify's documentation of October 2026). A message is acknowledged after it was stored.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from caseconnect.sdk.components import Deliver
from caseconnect.sdk.errors import AuthError, ConfigError, ConnectError, PermanentError, TransientError
from caseconnect.sdk.resources import Resources
from caseconnect_shopify.config import PubSubSettings, ShopifySettings
from caseconnect_shopify.queues import AT_ONCE, beside, is_for, left, library, pushed, store

WAIT_SECONDS: Final = 5.0
"""One pull that waits for messages. Short, because a shutdown waits for it."""

_NOTHING: Final = "DeadlineExceeded"
_REFUSED: Final = frozenset({"DefaultCredentialsError", "PermissionDenied", "RefreshError", "Unauthenticated"})


async def listen(settings: ShopifySettings, resources: Resources, deliver: Deliver) -> None:
    """Take messages for ever. Raises what is wrong with the subscription, as our own classes."""
    wanted = settings.pubsub
    if wanted is None:
        raise PermanentError("the settings name no subscription")
    try:
        client = await beside(_client, wanted, resources)
        try:
            while True:
                await _turn(client, wanted, settings.shop, resources, deliver)
        finally:
            client.close()
    except ConnectError:
        raise
    except Exception as error:
        raise _told(error, wanted) from error


def _client(wanted: PubSubSettings, resources: Resources) -> Any:
    made = library("google.cloud.pubsub_v1", "pubsub").SubscriberClient
    if wanted.credentials is None:
        return made()
    try:
        key = orjson.loads(resources.secrets.reveal(wanted.credentials))
    except orjson.JSONDecodeError:
        raise ConfigError("pubsub.credentials holds no JSON: it is a service account's key file, whole") from None
    return made.from_service_account_info(key)


async def _turn(client: Any, wanted: PubSubSettings, shop: str, resources: Resources, deliver: Deliver) -> None:
    """One pull, and what it brought."""
    asked = {"subscription": wanted.subscription, "max_messages": AT_ONCE}
    try:
        answer = await beside(client.pull, request=asked, timeout=WAIT_SECONDS)
    except Exception as error:
        if type(error).__name__ == _NOTHING:
            return
        raise
    found = list(answer.received_messages)
    ours = [r for r in found if is_for(r.message.attributes, shop)]
    left(resources, len(found) - len(ours))
    taken = [(pushed(r.message.data, r.message.attributes, f"pubsub-{r.message.message_id}"), r.ack_id) for r in ours]
    stored, problem = await store(taken, deliver)
    if stored:
        await beside(client.acknowledge, request={"subscription": wanted.subscription, "ack_ids": stored})
    if problem is not None:
        raise problem


def _told(error: Exception, wanted: PubSubSettings) -> ConnectError:
    """Google's word for it; never its text, which may name the account."""
    word, name = type(error).__name__, wanted.subscription.rpartition("/")[2]
    if word in _REFUSED:
        return AuthError(f"Google refuses the subscription {name!r} to us ({word})")
    if word == "NotFound":
        return PermanentError(f"Google has no subscription {wanted.subscription!r}")
    return TransientError(f"the subscription {name!r} cannot be read ({word})")
