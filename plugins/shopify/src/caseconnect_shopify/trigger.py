"""What wakes the source: Shopify's webhooks, over HTTPS or out of a queue, and a poll as the net under them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from caseconnect.sdk.components import Every, Listener, TriggerSpec, Webhook
from caseconnect_shopify import pubsub, sqs
from caseconnect_shopify.config import EXAMPLE, ShopifySettings
from caseconnect_shopify.queues import KEPT

POLL_EVERY: Final = timedelta(minutes=10)


def wakes(settings: ShopifySettings) -> Sequence[Webhook | Every | Listener]:
    """HTTPS webhooks as of API 2026-10, signed with the app's client secret, queues, and a poll every ten minutes."""
    secrets = ("client_secret", "previous_client_secret") if settings.previous_client_secret else ("client_secret",)
    return (
        Webhook(
            signature_header="X-Shopify-Hmac-Sha256",
            secrets=secrets,
            topic_header="X-Shopify-Topic",
            id_header="X-Shopify-Webhook-Id",
            expect={"X-Shopify-Shop-Domain": settings.shop},
            keep_headers=KEPT,
        ),
        Every(POLL_EVERY, jitter=timedelta(seconds=30)),
        *([Listener(sqs.listen)] if settings.sqs else []),
        *([Listener(pubsub.listen)] if settings.pubsub else []),
    )


TRIGGER = TriggerSpec(
    name="shopify",
    summary="Shopify's webhooks (HTTPS, Amazon SQS, Google Pub/Sub), and a poll as the net under them.",
    settings=ShopifySettings,
    example=EXAMPLE,
    wakes=wakes,
    ways={"sqs": "beta", "pubsub": "experimental"},
)
