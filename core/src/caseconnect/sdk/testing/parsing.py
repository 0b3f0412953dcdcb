"""Rules for `parse`: pure, in any order, and unmoved by rubbish."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import inspect
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import orjson

from caseconnect.sdk.components import Settings, Webhook
from caseconnect.sdk.deliveries import Delivery, Ignored, Parsed
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.order_names import NAMED
from caseconnect.sdk.testing.plugin import offered
from caseconnect.sdk.testing.resources import MemorySecrets
from caseconnect.sdk.testing.rig import ContractBroken, Rig, in_virtual_time, not_applicable, require

RUBBISH = (b"", b" ", b"{", b"\xff\xfe\x00", b"not json", b'{"a":', b"[" * 2000, b"<xml/>", b'"\\ud800"')
"""Bodies that are no JSON."""

WRONG_SHAPE = (b"null", b"0", b'"text"', b"[]", b"[null]", b"{}", b'{"id":null}', b'{"id":{}}', b"1e999", b"true")
"""JSON that no platform sends there."""

_PATHS_PER_BODY = 150


class ParsingRules:
    """Rules for `Source.parse` and for the webhooks that bring its deliveries."""

    plugin: Any

    @abstractmethod
    def rig(self) -> Rig[Any]:
        """A new world and the wire to it."""

    @abstractmethod
    async def deliveries(self, rig: Rig[Any], source: Any) -> list[Delivery]:
        """Samples of everything that `parse` is given."""

    def webhook(self, settings: Settings) -> Webhook | None:
        """How the platform pushes, as the trigger of the same name says."""
        name = self.rig().spec.name
        found = [t for t in offered(self.plugin)["triggers"] if t.name == name]
        webhooks = [w for t in found for w in t.wakes(settings) if isinstance(w, Webhook)]
        require(len(webhooks) <= 1, "a connection has one address: the trigger must describe one Webhook")
        return webhooks[0] if webhooks else None

    async def pushed(self, rig: Rig[Any]) -> list[Delivery]:
        """The world's webhook requests as the host stores them: only the headers to be kept, named as there."""
        webhook, samples = self.webhook(rig.settings), await rig.world.pushed()
        if webhook is None:
            require(not samples, "the world pushes, but no trigger of that name has a Webhook")
            return []
        require(bool(samples), "the trigger has a Webhook, but the world shows no pushed request")
        made = []
        for sample in samples:
            headers = {k.lower(): v for k, v in sample.headers.items()}
            for name in (webhook.topic_header, webhook.signature_header):
                require(name.lower() in headers or not name, f"a pushed request has no header {name}")
            name = headers.get(webhook.id_header.lower(), "") or hashlib.sha256(sample.body).hexdigest()
            topic = headers[webhook.topic_header.lower()] if webhook.topic_header else sample.topic
            kept = {n: v for n in webhook.keep_headers if (v := headers.get(n.lower()))}
            made.append(Delivery(rig.world.connection, topic, name, rig.now(), sample.body, kept))
        return made

    @in_virtual_time
    async def test_pushed_requests_carry_the_declared_signature(self) -> None:
        """The host verifies by this declaration before any plugin code runs; another secret does not pass."""
        rig = self.rig()
        webhook = self.webhook(rig.settings)
        if webhook is None:
            raise not_applicable("the platform pushes nothing")
        require(bool(webhook.secrets), "a Webhook without secrets lets everything in")
        secrets = MemorySecrets(rig.world.secrets)
        fields = [getattr(rig.settings, name) for name in webhook.secrets]
        keys = [secrets.reveal(f).encode() for f in fields if f is not None]
        for sample in await rig.world.pushed():
            headers = {k.lower(): v for k, v in sample.headers.items()}
            given = headers.get(webhook.signature_header.lower(), "")
            good = [webhook.prefix + _signature(webhook, k, sample.body) for k in keys]
            require(given in good, f"the signature of a pushed {headers.get(webhook.topic_header.lower())} is not ours")
            for name, value in webhook.expect.items():
                got = headers.get(name.lower(), "")
                require(got.lower() == value.lower(), f"{name} is {got!r}, the trigger expects {value!r}")

    @in_virtual_time
    async def test_parse_is_pure(self) -> None:
        """Same in, same out, in any order and repeated, without a request: an event may come twice, late, reordered."""
        rig = self.rig()
        async with rig.started() as source:
            require(not inspect.iscoroutinefunction(source.parse), "parse() must be sync")
            samples = await self.deliveries(rig, source)
            require(bool(samples), "the world shows nothing to parse")
            kept, asked = copy.deepcopy(samples), len(rig.wire.sent)
            forward = [self._parse(source, d) for d in samples]
            backward = [self._parse(source, d) for d in reversed(samples)][::-1]
            require(forward == backward, "parse() depends on what it was given before")
            require(samples == kept, "parse() changed the delivery")
            require(len(rig.wire.sent) == asked, "parse() asked the platform")
        async with rig.started() as fresh:
            require(
                [self._parse(fresh, d) for d in samples] == forward, "parse() of a new process gives something else"
            )
        require(any(isinstance(p, Parsed) for p in forward), "none of the samples became an event")

    @in_virtual_time
    async def test_events_are_declared_and_survive_json(self) -> None:
        """Only events of `emits`; ids, times and references are the same after the journal has kept them."""
        rig = self.rig()
        async with rig.started() as source:
            for delivery in await self.deliveries(rig, source):
                self._events_of(source, delivery, rig)

    @in_virtual_time
    async def test_rubbish_is_refused_or_ignored(self) -> None:
        """An unreadable body: `PermanentError`, or `Ignored` with a reason; what comes after is parsed as before."""
        rig = self.rig()
        async with rig.started() as source:
            samples = await self.deliveries(rig, source)
            before = [self._parse(source, d) for d in samples]
            for delivery in samples:
                for body in RUBBISH:
                    got = self._parse(source, _with(delivery, body))
                    require(not isinstance(got, Parsed), f"{delivery.topic}: the body {body[:12]!r} became events")
                for body in (*WRONG_SHAPE, delivery.body[: len(delivery.body) // 2]):
                    self._events_of(source, _with(delivery, body), rig)
            require([self._parse(source, d) for d in samples] == before, "parse() was changed by rubbish")

    @in_virtual_time
    async def test_withheld_and_odd_fields_do_not_break_parse(self) -> None:
        """Each field of each body absent, null or of another type: events, `Ignored` or `PermanentError`, no crash."""
        rig = self.rig()
        async with rig.started() as source:
            for delivery in await self.deliveries(rig, source):
                for body in _variants(delivery.body):
                    self._events_of(source, _with(delivery, body), rig)

    @in_virtual_time
    async def test_unknown_topics_are_ignored(self) -> None:
        """A platform adds topics; what is not known is not a fault of the delivery."""
        rig = self.rig()
        async with rig.started() as source:
            for delivery in await self.deliveries(rig, source):
                odd = Delivery(delivery.connection, "no_such/topic", "1", rig.now(), delivery.body, delivery.headers)
                require(isinstance(self._parse(source, odd), Ignored), "the topic 'no_such/topic' was not ignored")

    def _parse(self, source: Any, delivery: Delivery) -> Parsed | Ignored | str:
        try:
            got = source.parse(delivery)
        except PermanentError as error:
            require(bool(str(error).strip()), f"{delivery.topic}: PermanentError without a text")
            return str(error)
        except Exception as error:
            text = f"{delivery.topic}: {type(error).__name__} left parse() for {delivery.body[:200]!r}: {error}"
            raise ContractBroken(text) from error
        require(isinstance(got, Parsed | Ignored), f"{delivery.topic}: parse() gave {type(got).__name__}")
        if isinstance(got, Ignored):
            require(bool(got.reason.strip()), f"{delivery.topic}: ignored without a reason")
        parsed: Parsed | Ignored = got
        return parsed

    def _events_of(self, source: Any, delivery: Delivery, rig: Rig[Any]) -> None:
        got = self._parse(source, delivery)
        if not isinstance(got, Parsed):
            return
        for event in got.events:
            kind = type(event)
            require(kind in rig.spec.emits, f"{delivery.topic}: {kind.__name__} is none of emits")
            require(
                kind.model_validate_json(event.model_dump_json()) == event, f"{kind.__name__} does not survive JSON"
            )
            for subject in (event.subject, *event.refs):
                here = subject.connection == rig.world.connection or subject.kind == NAMED
                ours = here and bool(subject.kind) and bool(subject.id)
                require(ours, f"{delivery.topic}: {subject} is no name on the connection {rig.world.connection}")


def _signature(webhook: Webhook, key: bytes, body: bytes) -> str:
    if webhook.scheme == "secret":
        return key.decode()
    found = hmac.new(key, body, hashlib.sha256)
    return found.hexdigest() if webhook.scheme == "hmac-sha256-hex" else base64.b64encode(found.digest()).decode()


def _with(delivery: Delivery, body: bytes) -> Delivery:
    return Delivery(
        delivery.connection,
        delivery.topic,
        delivery.delivery_id,
        delivery.received_at,
        body,
        delivery.headers,
        delivery.polled,
    )


def _variants(body: bytes) -> Iterator[bytes]:
    """The body with one field after another absent or replaced."""
    try:
        whole = orjson.loads(body)
    except orjson.JSONDecodeError:
        return
    for path in list(_paths(whole, ()))[:_PATHS_PER_BODY]:
        inside = whole
        for key in path[:-1]:
            inside = inside[key]
        kept = inside[path[-1]]
        for value in (None, "", "x", -1, [], {}, [None], {"a": 1}):
            inside[path[-1]] = value
            yield orjson.dumps(whole)
        if isinstance(inside, dict):
            del inside[path[-1]]
            yield orjson.dumps(whole)
        inside[path[-1]] = kept


def _paths(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from _paths(part, (*path, key))
