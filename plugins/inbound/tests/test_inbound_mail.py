"""Mails: read from a real IMAP server, sent by a real SMTP server."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest

from caseconnect.models import CustomerReply
from caseconnect.sdk import links
from caseconnect.sdk.commands import HoldOrder, NotifyCustomer
from caseconnect.sdk.components import Webhook
from caseconnect.sdk.deliveries import Delivery, Ignored, Page, Parsed
from caseconnect.sdk.errors import AuthError, PermanentError, TransientError, UnknownOutcome
from caseconnect.sdk.events import ComplaintChanged, CustomerReplied
from caseconnect.sdk.order_names import named
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.resources import make_resources
from caseconnect_inbound.config_mail import MailSettings
from caseconnect_inbound.mailbox import MailSource
from caseconnect_inbound.mails import UPLOAD
from caseconnect_inbound.smtp import MailSink
from caseconnect_inbound.trigger import mail_wakes

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SECRETS = {"PASSWORD": "demopass", "WRONG": "wrong", "LINKS": "a long secret for links"}
REFERENCE = "test/demo-shop.myshopify.com/order/1001/order_review/1"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20
TEMPLATES = {
    "verify": {
        "subject": {"en": "Your order {{ number }}", "de": "Ihre Bestellung {{ number }}"},
        "text": {"en": "Please send a proof: {{ upload_link }}\n", "de": "Bitte senden Sie: {{ upload_link }}\n"},
    },
    "plain": {"subject": {"en": "Hello"}, "text": {"en": "Dear {{ name }}\n"}},
}


def settings(**more: Any) -> MailSettings:
    base: dict[str, Any] = {"templates": TEMPLATES, "link_secret": {"env": "LINKS"}, "orders": "shop", **more}
    return MailSettings.model_validate(base)


def imap(port: int, **more: Any) -> dict[str, Any]:
    return {
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "username": "demouser",
        "password": {"env": "PASSWORD"},
    } | more


def smtp(port: int, **more: Any) -> dict[str, Any]:
    return imap(port, sender="Example Shop <help@shop.example>") | more


def resources() -> Any:
    return make_resources(connection="mail", secrets=SECRETS, now=lambda: NOW)


def source(port: int = 993, **more: Any) -> MailSource:
    return MailSource(settings(imap=imap(port), **more), resources())


def sink(port: int, **more: Any) -> MailSink:
    upload = {"address": "https://connect.shop.example"}
    return MailSink(settings(smtp=smtp(port, **more), upload=upload), resources())


def mail(text: str = "My cup is broken.", **headers: str) -> EmailMessage:
    message = EmailMessage()
    wanted = {"From": "Jane Doe <Jane@example.com>", "To": "help@shop.example", "Subject": "Order #1001 is broken"}
    wanted |= {"Message-ID": "<m1@example.com>", "Date": "Sun, 22 Nov 2026 08:00:00 +0100"}
    for name, value in (wanted | {n.replace("_", "-"): v for n, v in headers.items()}).items():
        message[name] = value
    message.set_content(text)
    return message


def read_mail(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, EmailMessage, policy=default)


def parsed(message: EmailMessage | bytes, **more: Any) -> Parsed | Ignored:
    raw = message if isinstance(message, bytes) else message.as_bytes()
    return source(**more).parse(Delivery("mail", "mail", "d1", NOW, raw, {}, polled=True))


def event(message: EmailMessage | bytes, **more: Any) -> Any:
    found = parsed(message, **more)
    assert isinstance(found, Parsed)
    return found.events[0]


def test_a_mailbox_is_read_from_now_on_page_by_page_and_left_as_it_is(mailbox: Any) -> None:
    async def story() -> None:
        mailbox.put(mail("from before").as_bytes())
        reader = source(mailbox.port)
        at = (await reader.read(None, ())).cursor
        assert (await reader.read(at, ())) == Page(items=(), cursor=at)
        mailbox.put(*(mail(f"mail {number}").as_bytes() for number in range(23)))
        first = await reader.read(at, ())
        second = await reader.read(first.cursor, ())
        assert ([first.more, len(first.items)], [second.more, len(second.items)]) == ([True, 20], [False, 3])
        texts = [read_mail(item.body).get_content().strip() for item in (*first.items, *second.items)]
        assert texts == [f"mail {n}" for n in range(23)]
        again = await reader.read(at, ())
        assert [i.id for i in again.items] == [i.id for i in first.items]
        with mailbox.client() as client:
            client.select_folder("INBOX", readonly=True)
            assert client.search("UNSEEN") == client.search("ALL")

    asyncio.run(story())


@pytest.mark.parametrize("part", ["<a ", "<!--", "<", "&", "<b><i>", "<style>", "]]>"])
def test_a_page_made_to_take_long_takes_no_time(part: str) -> None:
    message = mail()
    message.set_content(f"<p>My cup</p>{part * 150_000}", subtype="html")
    began = time.process_time()
    assert "My cup" in event(message).record.text
    assert time.process_time() - began < 20  # the parser that was here before took hours


def test_of_a_mail_nested_beyond_all_measure_the_head_is_read() -> None:
    head = b"From: a@b.c\nSubject: Order 1001\nContent-Type: multipart/mixed; boundary=b0\n\n"
    nested = b"".join(b"--b%d\nContent-Type: multipart/mixed; boundary=b%d\n\n" % (n, n + 1) for n in range(80))
    began = time.process_time()
    assert "Order 1001" in event(head + nested + b"x\n" * 200_000).record.text
    assert time.process_time() - began < 20


def test_no_more_mails_are_held_at_once_than_fit(mailbox: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caseconnect_inbound.mailbox._HELD", 5_000)

    async def story() -> None:
        reader = source(mailbox.port)
        at = (await reader.read(None, ())).cursor
        mailbox.put(*[mail("x" * 3_000).as_bytes()] * 3)
        sizes = []
        more = True
        while more:
            page = await reader.read(at, ())
            sizes.append(len(page.items))
            at, more = page.cursor, page.more
        assert sizes == [1, 1, 1]

    asyncio.run(story())


def test_another_uidvalidity_reads_everything_again_under_the_same_names(mailbox: Any) -> None:
    async def story() -> None:
        reader = source(mailbox.port)
        start = (await reader.read(None, ())).cursor
        mailbox.put(mail("one").as_bytes())
        page = await reader.read(start, ())
        renumbered = page.cursor.replace('"validity":', '"validity":9')
        again = await reader.read(renumbered, ())
        assert [i.id for i in again.items] == [i.id for i in page.items]
        assert again.cursor == page.cursor

    asyncio.run(story())


def test_of_a_mail_that_is_too_large_the_head_is_read(mailbox: Any) -> None:
    async def story() -> None:
        reader = source(mailbox.port, mail_size=10_000)
        start = (await reader.read(None, ())).cursor
        mailbox.put(mail("x" * 20_000).as_bytes())
        (item,) = (await reader.read(start, ())).items
        assert b"Order #1001" in item.body
        assert len(item.body) < 2000

    asyncio.run(story())


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"password": {"env": "WRONG"}}, AuthError, "refuses"),
        ({"folder": "Nowhere"}, TransientError, "cannot be read"),
        ({"port": 1}, TransientError, "cannot be read"),
    ],
)
def test_a_mailbox_that_cannot_be_read_says_why(mailbox: Any, change: Any, error: Any, words: str) -> None:
    reader = MailSource(settings(imap=imap(mailbox.port) | change), resources())
    with pytest.raises(error, match=words):
        asyncio.run(reader.read(None, ()))


def test_a_mail_is_a_complaint_about_the_order_that_it_names() -> None:
    message = mail()
    message.add_attachment(PNG, maintype="image", subtype="png", filename="cup.png")
    found = event(message)
    assert isinstance(found, ComplaintChanged)
    assert (found.subject, found.refs) == (named("shop", "1001", "jane@example.com"), (found.item,))
    assert found.time == datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
    assert found.record is not None
    assert found.record.text == "Order #1001 is broken\n\nMy cup is broken."
    assert [f.document.name for f in found.record.files if f.document] == ["cup.png"]


def test_a_mail_without_an_order_stands_alone() -> None:
    assert event(mail(Subject="Hello")).subject == Subject("mail", "complaint", "d1")


OURS = "mx.shop.example"
FAIL = f"{OURS}; spf=pass smtp.mailfrom=a.example; dmarc=fail (p=NONE; sp=NONE) header.from=example.com"
PASS = f"{OURS} 1; dkim=fail; dmarc=pass header.from=example.com"


@pytest.mark.parametrize(
    ("verdicts", "trusted", "believed"),
    [
        ([FAIL], OURS, False),
        ([FAIL], OURS.upper(), False),
        ([FAIL.upper().replace(" ", "\n ")], OURS, False),
        ([f"{OURS}; dmarc = fail"], OURS, False),
        ([FAIL, PASS], OURS, False),
        ([f'{OURS}; spf=pass smtp.mailfrom="a(b"@evil.example; dmarc=fail; dkim=none (x)'], OURS, False),
        (["elsewhere.example; dmarc=pass", FAIL], OURS, False),
        ([FAIL], "", True),
        ([FAIL], "mx.other.example", True),
        ([PASS], OURS, True),
        ([PASS, FAIL], OURS, True),
        ([], OURS, True),
        ([f"{OURS}; dkim=pass (dmarc=fail)"], OURS, True),
        ([f"{OURS}; none"], OURS, True),
        (["", ";", f"{OURS}"], OURS, True),
    ],
)
def test_a_mail_that_fails_dmarc_gets_no_orders_history(verdicts: list[str], trusted: str, believed: bool) -> None:
    head = "".join(f"Authentication-Results: {verdict}\n" for verdict in verdicts)
    found = event(head.encode() + mail().as_bytes(), trusted_authserv=trusted)
    assert (found.subject == named("shop", "1001", "jane@example.com")) == believed
    assert (found.subject == found.item) != believed
    assert found.record.text.startswith("Order #1001" if believed else f"[Sender not verified: {trusted} says")
    assert found.record.text.endswith("My cup is broken.")


def test_html_is_read_as_text() -> None:
    message = mail()
    message.set_content("<style>b{}</style><p>My <b>cup</b></p><script>alert(1)</script><p>broke</p>", subtype="html")
    assert event(message).record.text.endswith("My cup\nbroke")


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"Auto_Submitted": "auto-replied"}, "automatically"),
        ({"Return_Path": "<>"}, "bounce"),
        ({"Precedence": "bulk"}, "bulk"),
        ({"List_Id": "news"}, "bulk"),
        ({"From": ""}, "no sender"),
        ({"From": "Help <HELP@shop.example>"}, "ignore_from"),
    ],
)
def test_mails_that_no_person_wrote_are_ignored(headers: dict[str, str], why: str) -> None:
    found = parsed(mail(**headers), ignore_from=["help@shop.example"])
    assert isinstance(found, Ignored)
    assert why in found.reason


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff\xfe",
        b"From: a@b.c\r\nContent-Type: text/plain; charset=nonsense\r\n\r\nhello",
        b"From: a@b.c\r\nContent-Type: multipart/mixed\r\n\r\nno boundary",
        b"From: a@b.c\r\nDate: yesterday\r\nMessage-ID: <<>>\r\nSubject: =?utf-8?q?=ff?=\r\n\r\nhello",
        b"From: a@b.c\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
        b"--x\r\nContent-Disposition: attachment\r\n\r\nq\r\n--x--",
        b"From: <a@b.c>, ;;;\r\nTo: [\r\n\r\n",
    ],
)
def test_odd_mails_never_stop_the_reading(raw: bytes) -> None:
    assert isinstance(parsed(raw), Parsed | Ignored)


def test_an_answer_to_our_message_reaches_the_matter_of_that_message(post: Any) -> None:
    command = NotifyCustomer(template="plain", email="jane@example.com", values={"name": "Jane"}, reference=REFERENCE)
    outcome = asyncio.run(sink(post.port).execute(command, "m:NotifyCustomer"))
    (envelope,) = post.mails
    sent = read_mail(envelope.content)
    assert (envelope.mail_from, envelope.rcpt_tos) == ("help@shop.example", ["jane@example.com"])
    assert (sent["subject"], sent.get_content().strip()) == ("Hello", "Dear Jane")
    assert outcome.data["message_id"] == sent["message-id"]
    for header in ("In_Reply_To", "References"):
        found = event(mail("Here it is.", **{header: str(sent["message-id"])}))
        assert isinstance(found, CustomerReplied)
        assert isinstance(found.record, CustomerReply)
        assert found.reference == REFERENCE == found.record.reference


def test_a_thread_that_somebody_made_up_leads_nowhere() -> None:
    forged = links.make("another secret of somebody", "thread", REFERENCE)
    assert isinstance(event(mail(In_Reply_To=f"<{forged}@shop.example>")), ComplaintChanged)
    upload = links.make(SECRETS["LINKS"], UPLOAD, REFERENCE, NOW + timedelta(days=1))
    assert isinstance(event(mail(In_Reply_To=f"<{upload}@shop.example>")), ComplaintChanged)


def test_an_upload_link_is_in_the_shoppers_language_and_ends(post: Any) -> None:
    command = NotifyCustomer(
        template="verify",
        email="jane@example.com",
        locale="de-CH",
        values={"number": "1001"},
        reference=REFERENCE,
        upload=True,
    )
    asyncio.run(sink(post.port).execute(command, "k"))
    sent = read_mail(post.mails[0].content)
    assert sent["subject"] == "Ihre Bestellung 1001"
    link = sent.get_content().split()[-1]
    assert link.startswith("https://connect.shop.example/up/acme/mail/")
    token = link.rpartition("/")[2]
    assert "jane" not in token
    read = links.read([SECRETS["LINKS"]], UPLOAD, token, NOW)
    assert read is not None
    assert (read.reference, read.expires_at) == (REFERENCE, NOW + timedelta(days=14))
    assert links.read([SECRETS["LINKS"]], UPLOAD, token, NOW + timedelta(days=14)) is None
    assert links.read(["another"], UPLOAD, token, NOW) is None
    assert links.read([SECRETS["LINKS"]], "thread", token, NOW) is None


def test_what_a_link_takes_is_set_in_the_tenant_file() -> None:
    limits = {"uses": 3, "files": 4, "size": 5_000, "page": {"full": "Das ist zu viel."}}
    (page,) = (w for w in mail_wakes(settings(smtp=smtp(1), upload={"address": "https://a.example", **limits})))
    assert isinstance(page, Webhook)
    assert page.page is not None
    found = (page.page.max_uses, page.page.max_files, page.page.max_size, page.page.full)
    assert found == (3, 4, 5_000, "Das ist zu viel.")


def upload(body: bytes) -> Parsed | Ignored:
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Connect-Reference": REFERENCE}
    return source().parse(Delivery("mail", "upload", "d9", NOW, body, headers))


def test_files_that_came_through_a_link_are_a_reply_in_that_matter() -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="files"; filename="proof.png"\r\n\r\n' + PNG
    body += b'\r\n--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nHere it is\r\n--x--\r\n'
    found = upload(body)
    assert isinstance(found, Parsed)
    (reply,) = found.events
    assert isinstance(reply, CustomerReplied)
    assert reply.record is not None
    assert (reply.reference, reply.record.text) == (REFERENCE, "Here it is")
    assert [f.document.content for f in reply.record.files if f.document] == [PNG]


def test_a_form_that_was_sent_empty_is_ignored() -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="files"; filename=""\r\n\r\n\r\n--x--\r\n'
    assert isinstance(upload(body), Ignored)


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"RCPT": "550 no such user"}, PermanentError),
        ({"RCPT": "451 later"}, TransientError),
        ({"DATA": "554 spam"}, PermanentError),
        ({"DATA": "452 full"}, TransientError),
    ],
)
def test_what_the_server_answers_decides(post: Any, answers: dict[str, str], error: Any) -> None:
    post.answers = answers
    command = NotifyCustomer(template="plain", email="jane@example.com", values={"name": "Jane"})
    with pytest.raises(error) as caught:
        asyncio.run(sink(post.port).execute(command, "k"))
    assert "jane" not in str(caught.value)
    assert post.mails == []


def test_a_lost_answer_is_unknown_and_nobody_can_look_it_up(post: Any) -> None:
    post.drop_after_data = True
    command = NotifyCustomer(template="plain", email="jane@example.com", values={"name": "Jane"})
    with pytest.raises(UnknownOutcome):
        asyncio.run(sink(post.port).execute(command, "k"))
    assert len(post.mails) == 1
    assert asyncio.run(sink(post.port).verify(command, "k")).seen is None


@pytest.mark.parametrize(
    ("change", "error"),
    [({"password": {"env": "WRONG"}}, AuthError), ({"port": 1}, TransientError)],
)
def test_a_server_that_does_not_take_us_had_no_effect(post: Any, change: Any, error: Any) -> None:
    command = NotifyCustomer(template="plain", email="jane@example.com", values={"name": "Jane"})
    with pytest.raises(error):
        asyncio.run(sink(**({"port": post.port} | change)).execute(command, "k"))


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (NotifyCustomer(template="nothing", email="a@b.c"), "no template"),
        (NotifyCustomer(template="plain", email=""), "address"),
        (NotifyCustomer(template="plain", email="a@b.c, d@e.f"), "address"),
        (NotifyCustomer(template="plain", email="a@b.c\r\nBcc: d@e.f"), "address"),
        (NotifyCustomer(template="plain", email="a@b.c"), "name"),
        (HoldOrder(), "HoldOrder"),
    ],
)
def test_what_cannot_be_sent_is_refused(post: Any, command: Any, why: str) -> None:
    with pytest.raises(PermanentError, match=why):
        asyncio.run(sink(post.port).execute(command, "k"))
    assert post.mails == []


def test_values_cannot_add_headers_or_run_code(post: Any) -> None:
    values = {"number": "1\r\nBcc: evil@example.com", "upload_link": "{{ 7 * 7 }}"}
    command = NotifyCustomer(template="verify", email="jane@example.com", values=values, reference=REFERENCE)
    asyncio.run(sink(post.port).execute(command, "k"))
    sent = read_mail(post.mails[0].content)
    assert sent["bcc"] is None
    assert "{{ 7 * 7 }}" in sent.get_content()
    assert post.mails[0].rcpt_tos == ["jane@example.com"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"templates": {"a": {"subject": {"en": "x"}, "text": {"en": "{% for a in b %}{% endfor %}"}}}}, "only"),
        ({"templates": {"a": {"subject": {"en": "x"}, "text": {"en": "{{ a.b }}"}}}}, "only"),
        ({"templates": {"a": {"subject": {"en": "x"}, "text": {"en": "{{ a }"}}}}, "line 1"),
        ({"templates": {"a": {"subject": {"en": "x"}, "text": {"de": "x"}}}}, "same languages"),
        ({"order_pattern": "("}, "regular expression"),
        ({"order_pattern": "x"}, "group"),
        ({"order_pattern": "((a+)+)$"}, "repeat a group"),
        ({"order_pattern": "(a|a){2,}"}, "repeat a group"),
        ({"imap": None}, "give `imap`"),
        ({"imap": imap(1, host="mail.example.com")}, "this machine"),
        ({"imap": imap(1, password=None)}, "neither"),
        ({"smtp": smtp(1, sender="nobody")}, "one address"),
        ({"link_secret": None, "upload": {"address": "https://a.example"}}, "link_secret"),
    ],
)
def test_wrong_settings_are_refused_with_the_reason(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        settings(**({"imap": imap(143)} | change))
