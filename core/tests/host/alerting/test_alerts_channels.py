"""Webhooks judged by the standard's own library, mails by a server that nobody of ours wrote, settings, the command."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from mail_post import Post, serving
from standardwebhooks import Webhook

from caseconnect.cli import main
from caseconnect.host.alerting.channels import LogWay, WebhookWay
from caseconnect.host.alerting.mailing import MailServer, MailWay
from caseconnect.host.alerting.messages import Message
from caseconnect.host.alerting.settings import SmtpPart, WebhookPart
from caseconnect.host.daemon_file import load_daemon_file
from caseconnect.sdk.errors import AuthError, ConnectError, PermanentError, TransientError
from caseconnect.sdk.http import asgi_transport
from caseconnect.sdk.testing.resources import MemorySecrets, RecordingLog

SECRET = "whsec_bWluZSBpcyBhIHNlY3JldCBvZiAzMiBieXRlcyEh"
NOW = datetime.now(UTC)
MESSAGE = Message(
    id="msg_j1_ops_7_0",
    kind="opened",
    tenant="acme",
    cause="cap:approvals:RefundPayment:hour",
    severity="critical",
    what="A cap is reached",
    title="480 RefundPayment of approvals parked: <b>the cap</b> of 20 an hour is reached",
    about="acme-1",
    first_at=NOW,
    last_at=NOW,
    count=480,
    runbook="docs/runbooks/cap-reached.md",
    console="https://console.example.com",
)
CLOSED = replace(MESSAGE, id="msg_j1_ops_3_2", kind="closed", what="A poll is late", severity="warning", closed="now")


@dataclass
class Receiver:
    """An ASGI application that keeps requests; `status` is its answer."""

    status: int = 204
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes, str]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        self.got.append(({k.decode(): v.decode() for k, v in scope["headers"]}, body, scope["path"]))
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": b""})


def post(receiver: Receiver, *messages: Message) -> None:
    settings = WebhookPart(url="https://duty.example.com/in/abc", secret={"env": "DUTY"})
    way = WebhookWay(settings, MemorySecrets({"DUTY": SECRET}), asgi_transport(app=receiver))

    async def sending() -> None:
        await way.send(messages, NOW)
        await way.close()

    asyncio.run(sending())


def test_a_webhook_is_what_the_standards_own_library_takes() -> None:
    receiver = Receiver()
    post(receiver, MESSAGE, CLOSED)
    told = [Webhook(SECRET).verify(body, headers) for headers, body, _ in receiver.got]
    assert [one["type"] for one in told] == ["alert.opened", "alert.closed"]
    assert [headers["webhook-id"] for headers, _, _ in receiver.got] == [MESSAGE.id, CLOSED.id]
    assert receiver.got[0][2] == "/in/abc"
    assert told[0]["data"]["runbook"] == MESSAGE.runbook
    assert "closed" not in told[0]["data"]
    assert told[1]["data"]["closed"] == "now"


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, AuthError), (429, TransientError), (503, TransientError), (400, PermanentError), (302, PermanentError)],
)
def test_what_a_receiver_refuses_is_told_without_its_path(status: int, error: type[ConnectError]) -> None:
    with pytest.raises(error, match=rf"^duty\.example\.com .*{status}") as told:
        post(Receiver(status, [(b"retry-after", b"70")]), MESSAGE)
    assert "abc" not in str(told.value)
    if isinstance(told.value, TransientError):
        assert told.value.retry_after == 70


def smtp(server: Post, log: RecordingLog | None = None, **more: Any) -> MailServer:
    part = {"host": "127.0.0.1", "port": server.port, "security": "none", "sender": "Connect <connect@example.com>"}
    return MailServer(SmtpPart.model_validate(part | more), MemorySecrets({"MAIL": "right"}), log or RecordingLog())


def test_a_mail_tells_all_that_is_due_the_worst_first_in_text_and_html() -> None:
    with serving("right") as server:
        way = MailWay(["ops@example.com", "Duty <duty@example.com>"], timedelta(0), smtp(server))
        asyncio.run(way.send([CLOSED, MESSAGE], NOW))
    (envelope,) = server.mails
    assert envelope.rcpt_tos == ["ops@example.com", "duty@example.com"]
    mail = message_from_bytes(envelope.content, policy=default)
    assert mail["Subject"] == "[Connect] 1 new, 1 closed; critical: A cap is reached"
    assert mail["Message-ID"] == "<msg_j1_ops_3_2@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    text, html = (part.get_content() for part in mail.iter_parts())
    assert text.index("NEW (critical): A cap is reached") < text.index("CLOSED (warning): A poll is late")
    assert "what to do: docs/runbooks/cap-reached.md" in text
    assert "<b>the cap" in text
    assert "&lt;b&gt;the cap" in html
    assert '<a href="https://console.example.com">' in html


def test_one_alert_is_the_subject_of_its_mail() -> None:
    with serving("right") as server:
        asyncio.run(MailWay(["ops@example.com"], timedelta(0), smtp(server)).send([MESSAGE], NOW))
    mail = message_from_bytes(server.mails[0].content, policy=default)
    assert mail["Subject"] == "[Connect] new, critical: acme: A cap is reached"


@pytest.mark.parametrize(
    ("answers", "more", "error"),
    [
        ({"RCPT": "550 no"}, {}, PermanentError),
        ({"DATA": "451 later"}, {}, TransientError),
        ({}, {"username": "u", "password": {"env": "MAIL"}}, AuthError),
        ({}, {"port": 1}, TransientError),
    ],
)
def test_what_a_mail_server_does_not_take_is_told_without_addresses(
    answers: dict[str, str], more: dict[str, Any], error: type[ConnectError]
) -> None:
    with serving("another") as server:
        server.answers = answers
        way = MailWay(["ops@example.com"], timedelta(0), smtp(server, **more))
        with pytest.raises(error, match=r"^127\.0\.0\.1") as told:
            asyncio.run(way.send([MESSAGE], NOW))
    assert "ops@" not in str(told.value)


def test_an_address_that_is_refused_keeps_the_mail_from_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    log = RecordingLog()

    async def one_is_gone(self: Post, _: Any, __: Any, envelope: Any, address: str, options: Any) -> str:
        if address.startswith("gone"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    monkeypatch.setattr(Post, "handle_RCPT", one_is_gone)
    with serving("right") as server:
        way = MailWay(["gone@example.com", "ops@example.com"], timedelta(0), smtp(server, log))
        asyncio.run(way.send([MESSAGE], NOW))
    assert [envelope.rcpt_tos for envelope in server.mails] == [["ops@example.com"]]
    why = "127.0.0.1 refuses 1 of 2 addresses of `to` (550); the others have it"
    assert log.lines == [("warning", "mail not taken for all", {"why": why})]


def test_the_log_has_a_line_each() -> None:
    log = RecordingLog()
    asyncio.run(LogWay(log).send([MESSAGE, CLOSED], NOW))
    assert [(level, event, values["severity"]) for level, event, values in log.lines] == [
        ("error", "alert opened", "critical"),
        ("info", "alert closed", "warning"),
    ]


FILE = """\
alerts:
  channels:
    duty:
      webhook: {url: "https://duty.example.com/in", secret: {env: DUTY}}
      severities: [critical]
    ops:
      mail: {to: [ops@example.com]}
      tenants: [acme]
    log: {log: {}}
  smtp: {host: 127.0.0.1, port: PORT, security: none, sender: connect@example.com}
  daily: {to: [lead@example.com], at: "06:30", zone: Europe/Berlin}
"""


def test_a_trial_goes_by_each_channel_and_tells_which_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUTY", SECRET)
    file = tmp_path / "connect.yaml"
    with serving("") as server:
        file.write_text(
            FILE.replace("PORT", str(server.port)).replace("https://duty.example.com", "http://127.0.0.1:1")
        )
        told = CliRunner().invoke(main, ["test-alerts", "--config", str(file), "--json"])
        only = CliRunner().invoke(main, ["test-alerts", "ops", "--config", str(file)])
    ends = json.loads(told.stdout)
    assert {name: end["sent"] for name, end in ends.items()} == {"duty": False, "ops": True, "log": True, "daily": True}
    assert "no connection" in ends["duty"]["why"]
    assert (told.exit_code, only.exit_code) == (1, 0)
    assert "handed over" in only.stdout
    mails = [message_from_bytes(envelope.content, policy=default) for envelope in server.mails]
    assert [mail["To"] for mail in mails] == ["ops@example.com", "lead@example.com", "ops@example.com"]
    assert {mail["Subject"] for mail in mails} == {"[Connect] new, info: A trial"}
    assert CliRunner().invoke(main, ["test-alerts", "nobody", "--config", str(file)]).exit_code == 2


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("https://duty", "http://duty", "must use https"),
        ("ops@example.com", "nobody", "give one address"),
        ("security: none", "security: no", "none"),
        ("127.0.0.1", "mail.example.com", "a server on this machine only"),
        ("[critical]", "[bad]", "critical"),
        ("{log: {}}", "{}", "give one of webhook, mail and log"),
        ("06:30", "6 o'clock", "like 07:00"),
        ("Europe/Berlin", "Europe/Berlim", "did you mean Europe/Berlin"),
        ("  smtp:", "  smpt:", "smtp"),
        ("    log:", "    daily:", "no channel may be called daily"),
    ],
)
def test_wrong_settings_are_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    file = tmp_path / "connect.yaml"
    file.write_text(FILE.replace("PORT", "25"))
    assert load_daemon_file(file)[1] == []
    file.write_text(FILE.replace("PORT", "25").replace(old, new, 1))
    problems = load_daemon_file(file)[1]
    assert said in " ".join(map(str, problems))
