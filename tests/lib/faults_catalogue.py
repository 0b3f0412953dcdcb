"""The catalogue of faults of outbound HTTP (faults.md 3.E) as one table: what each must be called, by kind of request.

A class says what the host may do next. `done`: the operation succeeded. `again`: surely no effect, try again.
`throttle`: the same, and the platform says when. `unknown`: it may have happened, look first. `permanent`: surely no
effect, and never. `auth`: surely no effect, and the connection pauses.

A write whose answer cannot be used is `unknown`, a request for a token and a read never are: nothing can have happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import faults_plays as plays
from faults_plays import Play

CLASSES = ("done", "again", "throttle", "unknown", "permanent", "auth")
TOKEN, READ, WRITE = "token", "read", "write"

OPERATIONS = (
    ("opentext_case", "token", TOKEN, "UpdateCase"),
    ("opentext_case", "create case", WRITE, "OpenCase"),
    ("opentext_case", "update case", WRITE, "UpdateCase"),
    ("opentext_case", "comment on case", WRITE, "CommentCase"),
    ("opentext_case", "attach to case", WRITE, "AttachDocument"),
    ("opentext_case", "close case", WRITE, "CloseCase"),
    ("opentext_case", "find case", READ, "OpenCase"),
    ("opentext_case", "poll page", READ, "read"),
    ("opentext_case", "read fact", READ, "case"),
    ("shopify", "token", TOKEN, "HoldOrder"),
    ("shopify", "refund", WRITE, "RefundPayment"),
    ("shopify", "cancel", WRITE, "CancelOrder"),
    ("shopify", "hold", WRITE, "HoldOrder"),
    ("shopify", "release", WRITE, "ReleaseOrder"),
    ("shopify", "credit", WRITE, "IssueCredit"),
    ("shopify", "poll page", READ, "read"),
    ("shopify", "read fact", READ, "order"),
    ("sfcc", "token", TOKEN, "HoldOrder"),
    ("sfcc", "refund", WRITE, "RefundPayment"),
    ("sfcc", "cancel", WRITE, "CancelOrder"),
    ("sfcc", "hold", WRITE, "HoldOrder"),
    ("sfcc", "release", WRITE, "ReleaseOrder"),
    ("sfcc", "suppress", WRITE, "SuppressProduct"),
    ("sfcc", "poll page", READ, "read"),
    ("sfcc", "read fact", READ, "order"),
)
"""Platform, what people call it, the kind of the request that is struck, and the command or fact that makes it."""

_NO_GRAPHQL = "the platform speaks no GraphQL"
_NOT_TOKEN = "a token is asked for by a form, not by GraphQL"
_NO_USER_ERRORS = "a query has no userErrors"
_NO_TOKEN_SENT = "a request for a token is made without one"
_ONE_TASK = "two tasks that need a token at once are a matter of the token's own request"


@dataclass(frozen=True)
class Fault:
    """One row. `of` gives the class by kind of request; `but` where a platform or an operation rightly differs.

    `wait` is what a throttled error must name as the time to wait.
    """

    name: str
    play: Play
    of: tuple[str, str, str]
    but: Mapping[str, str] = field(default_factory=dict)
    wait: float | None = None
    graphql: bool = False
    session: str = ""

    @property
    def lasts(self) -> bool:
        """The same request for another part of the same goods is refused, too."""
        return "permanent" in self.of

    def expected(self, platform: str, operation: str, kind: str) -> str:
        """The class of this cell."""
        named = (f"{platform}/{operation}", f"{platform}/{kind}", platform, kind)
        found = next((self.but[name] for name in named if name in self.but), None)
        return found or self.of[(WRITE, READ, TOKEN).index(kind)]

    def why_not(self, platform: str, kind: str) -> str:
        """Why it cannot befall this kind of request; empty if it can."""
        if self.graphql and platform != "shopify":
            return _NO_GRAPHQL
        if self.graphql and kind == TOKEN:
            return _NOT_TOKEN
        if self.name == "GraphQL userErrors" and kind == READ:
            return _NO_USER_ERRORS
        if self.session == "own token" and kind == TOKEN:
            return _NO_TOKEN_SENT
        if self.session == "two at once" and kind != TOKEN:
            return _ONE_TASK
        return ""


_NOTHING = ("again", "again", "again")
_DOUBT = ("unknown", "again", "again")
_GOOD = ("done", "done", "done")
_BUSY = ("throttle", "throttle", "throttle")
_NEVER = ("permanent", "permanent", "auth")
_SHED = {"opentext_case/write": "again", "sfcc/write": "again"}
"""Both shed load by 503 with a time to wait; Shopify documents no such thing."""
_NO_BODY = {f"sfcc/{name}": "done" for name in ("cancel", "hold", "release")}
"""204: there is nothing to be cut."""

FAULTS = (
    # connect
    Fault("refused connection", plays.refused, _NOTHING),
    Fault("no such name", plays.no_name, _NOTHING),
    Fault("bad certificate", plays.bad_certificate, _NOTHING),
    Fault("no connection in time", plays.never_connected, _NOTHING),
    # before any effect
    Fault("400", plays.status(400), _NEVER),
    Fault("402", plays.status(402), _NEVER, {"shopify": "auth"}),
    Fault("403", plays.status(403), _NEVER, {"shopify": "auth"}),
    Fault("404", plays.status(404), _NEVER),
    Fault("409", plays.status(409), _NEVER),
    Fault("412", plays.status(412), _NEVER),
    Fault("422", plays.status(422), _NEVER),
    Fault("423", plays.status(423), _NEVER, {"shopify": "auth"}),
    Fault("429", plays.status(429), _BUSY),
    Fault("429 with seconds", plays.status(429, after="7"), _BUSY, wait=7.0),
    Fault("429 with a date", plays.status(429, after="date"), _BUSY, wait=90.0),
    Fault("429 with a negative time", plays.status(429, after="-5"), _BUSY, wait=0.0),
    Fault("429 with 1e9 seconds", plays.status(429, after="1e9"), _BUSY, wait=3600.0),
    Fault("503", plays.status(503), _DOUBT),
    Fault("503 with seconds", plays.status(503, after="7"), _DOUBT, _SHED),
    Fault("cut while it went out", plays.cut_going, _DOUBT),
    Fault("silence", plays.silent, _DOUBT),
    # effect, then
    Fault("reply dropped", plays.dropped, _DOUBT),
    Fault("reset after the effect", plays.reset, _DOUBT),
    Fault("half-open after the effect", plays.half_open, _DOUBT),
    Fault("500 after the effect", plays.status(500, reached=True), _DOUBT),
    Fault("502 after the effect", plays.status(502, reached=True, media_type="text/html"), _DOUBT),
    Fault("504 after the effect", plays.status(504, reached=True, media_type="text/html"), _DOUBT),
    Fault("reply after our deadline", plays.answered_late, _DOUBT),
    Fault("effect after our deadline", plays.lands_late, _DOUBT),
    Fault("200 truncated", plays.edited(lambda body: body[: len(body) // 2]), _DOUBT, _NO_BODY),
    Fault("200 without end", plays.endless, _DOUBT),
    Fault("200 at a byte a second", plays.trickle, _DOUBT),
    Fault("200 as a sign-in page", plays.status(200, reached=True, media_type="text/html"), _DOUBT),
    Fault("200 that is no JSON", plays.edited(lambda body: b'{"a": tru'), _DOUBT),
    Fault("200 with NaN", plays.edited(lambda body: b'{"id": NaN, "data": NaN, "total": NaN}'), _DOUBT),
    Fault("200 with every key twice", plays.edited(plays.doubled), _GOOD),
    Fault("200 deeply nested", plays.edited(lambda body: b'{"data":' * 100_000), _DOUBT),
    Fault("200 of 1 GiB", plays.gibibyte, _DOUBT),
    Fault("200 as a gzip bomb", plays.bomb, _DOUBT),
    Fault("200 with 100,000 headers", plays.many_headers, _DOUBT),
    Fault("GraphQL errors", plays.graphql_errors, _DOUBT, graphql=True),
    Fault("GraphQL partial data", plays.graphql_partial, _DOUBT, graphql=True),
    Fault("GraphQL access denied", plays.graphql_denied, _NEVER, graphql=True),
    Fault("GraphQL userErrors", plays.user_errors, _NEVER, graphql=True),
    Fault("GraphQL THROTTLED", plays.throttled, _BUSY, wait=7.0, graphql=True),
    # session
    Fault("token ends midway", plays.ended_token, _GOOD, session="own token"),
    Fault("token ends, and no other is given", plays.ended_token, ("auth", "auth", "auth"), session="own token"),
    Fault("two refreshes at once", plays.ended_token, _GOOD, session="two at once"),
    Fault("redirect to another host", plays.redirected, _NEVER),
)
