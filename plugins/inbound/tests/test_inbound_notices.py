"""Messages by webhook, judged by the Standard Webhooks library, which nobody of ours wrote."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from caseconnect.sdk.commands import HoldOrder, NotifyCustomer
from caseconnect.sdk.errors import AuthError, ConfigError, PermanentError, TransientError, UnknownOutcome
from caseconnect.sdk.testing.resources import make_resources
from caseconnect_inbound.config import InboundSettings
from caseconnect_inbound.notices import NoticeSink

SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four!").decode()
COMMAND = NotifyCustomer(template="verify", email="jane@example.com", locale="de", values={"number": "1001"})


class Receiver:
    """Takes messages, or answers `status`."""

    def __init__(self, status: int = 202, headers: dict[str, str] | None = None) -> None:
        self.status, self.headers = status, headers or {}
        self.seen: list[tuple[bytes, dict[str, str]]] = []
        self.app = Starlette(routes=[Route("/take", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        self.seen.append((await request.body(), dict(request.headers)))
        return Response(status_code=self.status, headers=self.headers)


def sink(receiver: Receiver, **more: Any) -> NoticeSink:
    notify = {"url": "https://mailer.example/take", "secret": {"env": "NOTIFY"}}
    given = {"secret": {"env": "DESK"}, "kinds": {"complaint": {}}, "notify": notify, **more}
    resources = make_resources(
        receiver.app, secrets={"NOTIFY": SECRET, "DESK": "x" * 10}, now=lambda: datetime.now(UTC)
    )
    return NoticeSink(InboundSettings.model_validate(given), resources)


def test_a_message_is_signed_as_the_standard_says_and_keeps_its_id_over_attempts() -> None:
    receiver = Receiver()
    posting = sink(receiver)
    for _ in range(2):
        assert asyncio.run(posting.execute(COMMAND, "m:NotifyCustomer:verify")).state == "done"
    for body, headers in receiver.seen:
        data = Webhook(SECRET).verify(body.decode(), headers)
        assert data["data"]["values"] == {"number": "1001"}
    ids = {headers["webhook-id"] for _, headers in receiver.seen}
    assert len(ids) == 1
    assert ids == {headers["idempotency-key"] for _, headers in receiver.seen}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, AuthError),
        (404, PermanentError),
        (302, PermanentError),
        (429, TransientError),
        (503, TransientError),
        (500, UnknownOutcome),
    ],
)
def test_what_the_receiver_answers_decides(status: int, error: Any) -> None:
    receiver = Receiver(status, {"retry-after": "7", "location": "https://elsewhere.example/"})
    with pytest.raises(error) as caught:
        asyncio.run(sink(receiver).execute(COMMAND, "k"))
    assert "jane" not in str(caught.value)
    assert len(receiver.seen) == 1
    assert getattr(caught.value, "retry_after", 7) == 7


@pytest.mark.parametrize("lost", [ConnectionError("refused"), TimeoutError()], ids=["answer lost", "no answer"])
def test_a_secret_in_the_address_stands_in_no_error(lost: Exception) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise lost

    notify = {"url": "https://mailer.example/T0001/very-secret", "secret": {"env": "NOTIFY"}}
    given = InboundSettings.model_validate({"secret": {"env": "DESK"}, "kinds": {"complaint": {}}, "notify": notify})
    posting = NoticeSink(given, make_resources(app, secrets={"NOTIFY": SECRET}, now=lambda: datetime.now(UTC)))
    with pytest.raises(UnknownOutcome, match=r"https://mailer\.example/\.\.\.") as caught:
        asyncio.run(posting.execute(COMMAND, "k"))
    assert "T0001" not in f"{caught.value!r} {caught.value}"
    assert "T0001" not in repr(given)


def test_what_cannot_be_sent_is_refused() -> None:
    with pytest.raises(PermanentError, match="HoldOrder"):
        asyncio.run(sink(Receiver()).execute(HoldOrder(), "k"))
    with pytest.raises(ConfigError, match="notify"):
        asyncio.run(sink(Receiver(), notify=None).execute(COMMAND, "k"))
    assert asyncio.run(sink(Receiver()).verify(COMMAND, "k")).seen is None
