"""Shopify's events through Amazon EventBridge and an SQS queue, by Amazon's own library (boto3, extra `sqs`).

EventBridge wraps each: `detail.payload` is the body, `detail.metadata` holds the headers (Shopify's documentation of
October 2026). A message is taken off the queue after it was stored.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from caseconnect.sdk.components import Deliver, Pushed
from caseconnect.sdk.errors import AuthError, ConnectError, PermanentError, TransientError
from caseconnect.sdk.resources import Resources
from caseconnect_shopify.config import ShopifySettings, SqsSettings
from caseconnect_shopify.queues import AT_ONCE, beside, is_for, left, library, pushed, store

WAIT_SECONDS: Final = 5
"""One long poll. Short, because a shutdown waits for it."""

_REFUSED: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_ABSENT: Final = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})


async def listen(settings: ShopifySettings, resources: Resources, deliver: Deliver) -> None:
    """Take messages for ever. Raises what is wrong with the queue, as our own classes."""
    wanted = settings.sqs
    if wanted is None:
        raise PermanentError("the settings name no queue")
    library("boto3", "sqs")
    try:
        client = await beside(_client, wanted, resources)
        while True:
            await _turn(client, wanted, settings.shop, resources, deliver)
    except ConnectError:
        raise
    except Exception as error:
        raise _told(error, wanted) from error


def _client(wanted: SqsSettings, resources: Resources) -> Any:
    secret = resources.secrets.reveal(wanted.secret_access_key) if wanted.secret_access_key else None
    config = library("botocore.config", "sqs").Config(
        connect_timeout=10, read_timeout=WAIT_SECONDS + 15, retries={"total_max_attempts": 1}
    )
    return library("boto3", "sqs").client(
        "sqs",
        region_name=wanted.region,
        endpoint_url=wanted.endpoint_url,
        aws_access_key_id=wanted.access_key_id,
        aws_secret_access_key=secret,
        config=config,
    )


async def _turn(client: Any, wanted: SqsSettings, shop: str, resources: Resources, deliver: Deliver) -> None:
    """One long poll, and what it brought."""
    answer = await beside(
        client.receive_message,
        QueueUrl=wanted.queue_url,
        MaxNumberOfMessages=AT_ONCE,
        WaitTimeSeconds=WAIT_SECONDS,
    )
    messages = answer.get("Messages") or []
    ours = [(one, m["ReceiptHandle"]) for m in messages if (one := _pushed(m, shop)) is not None]
    left(resources, len(messages) - len(ours))
    stored, problem = await store(ours, deliver)
    if stored:
        entries = [{"Id": str(n), "ReceiptHandle": handle} for n, handle in enumerate(stored)]
        # What cannot be taken off comes again, and is known then.
        await beside(client.delete_message_batch, QueueUrl=wanted.queue_url, Entries=entries)
    if problem is not None:
        raise problem


def _pushed(message: dict[str, Any], shop: str) -> Pushed | None:
    """The delivery in a message; None when it is another shop's."""
    text = message.get("Body") or ""
    name = f"sqs-{message.get('MessageId')}"
    try:
        event = orjson.loads(text)
    except orjson.JSONDecodeError:
        event = None
    detail = event.get("detail", event) if isinstance(event, dict) else None  # a rule may pass on `detail` only
    headers = detail.get("metadata") if isinstance(detail, dict) else None
    if not isinstance(detail, dict) or not isinstance(headers, dict) or "payload" not in detail:
        return pushed(text.encode(), {}, name)
    return pushed(orjson.dumps(detail["payload"]), headers, name) if is_for(headers, shop) else None


def _told(error: Exception, wanted: SqsSettings) -> ConnectError:
    """Amazon's word for it; never its text, which may name the key."""
    response = getattr(error, "response", None)
    code = str((response.get("Error") or {}).get("Code", "")) if isinstance(response, dict) else ""
    queue = wanted.queue_url.rpartition("/")[2]
    if code in _REFUSED or type(error).__name__ in {"NoCredentialsError", "PartialCredentialsError"}:
        return AuthError(f"Amazon refuses the queue {queue!r} to us ({code or type(error).__name__})")
    if code in _ABSENT:
        return PermanentError(f"Amazon has no queue {queue!r} in {wanted.region}")
    return TransientError(f"the queue {queue!r} cannot be read ({code or type(error).__name__})")
