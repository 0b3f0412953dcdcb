"""Sessions, and links that begin one. Kept here and nowhere else: a restart ends them all.

What a browser holds is random and means nothing; here its hash is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe

from caseconnect.host.web.console.people import Identity, Person, Role
from caseconnect.host.web.console.settings import ConsoleSettings

LINK_LIFE = timedelta(minutes=10)
"""How long a link can be used, once."""

_MOST = 500
_BYTES = 32


@dataclass
class Session:
    """Somebody who signed in. `csrf` stands in each of their forms."""

    who: Identity
    person: Person
    began: datetime
    seen: datetime
    csrf: str = field(default_factory=lambda: token_urlsafe(_BYTES), repr=False)


class Sessions:
    """All sessions. The role is asked for anew each time: who has another one now signs in again."""

    def __init__(self, settings: Callable[[], ConsoleSettings], now: Callable[[], datetime]) -> None:
        self._settings, self._now = settings, now
        self._kept: dict[str, Session] = {}

    def begin(self, who: Identity) -> str | None:
        """A new session's id; None for somebody who may do nothing."""
        role = self._settings().role_of(who)
        if role is None:
            return None
        id_, now = token_urlsafe(_BYTES), self._now()
        self._sweep()
        while len(self._kept) >= _MOST:
            del self._kept[min(self._kept, key=lambda key: self._kept[key].seen)]
        self._kept[_hash(id_)] = Session(who, Person(who.name, role), now, now)
        return id_

    def find(self, id_: str, *, quietly: bool = False) -> Session | None:
        """The session, if it is not over; finding it keeps it from becoming idle, unless it is asked for `quietly`."""
        session = self._kept.get(_hash(id_))
        if session is None:
            return None
        if self._over(session):
            self.end(id_)
            return None
        if not quietly:
            session.seen = self._now()
        return session

    def end(self, id_: str) -> None:
        """Sign out."""
        self._kept.pop(_hash(id_), None)

    def is_fresh(self, session: Session) -> bool:
        """They proved lately enough who they are to answer money: to us by a link, else to the provider."""
        proved = session.began if session.who.given is not None else session.who.at
        return proved is not None and self._now() - min(proved, session.began) <= self._settings().sessions.fresh

    def _over(self, session: Session) -> bool:
        settings, now = self._settings(), self._now()
        times = settings.sessions
        idle, old = now - session.seen > times.idle, now - session.began > times.absolute
        return idle or old or settings.role_of(session.who) != session.person.role

    def _sweep(self) -> None:
        self._kept = {key: session for key, session in self._kept.items() if not self._over(session)}


class Links:
    """One-time links: whoever can talk to the control socket makes one, and whoever has it signs in once."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._open: dict[str, tuple[Identity, datetime]] = {}

    def make(self, name: str, role: Role) -> str:
        """A token that is good once, for ten minutes."""
        token, now = token_urlsafe(_BYTES), self._now()
        self._open = {key: kept for key, kept in self._open.items() if kept[1] > now}
        while len(self._open) >= _MOST:
            del self._open[next(iter(self._open))]
        self._open[_hash(token)] = Identity(name, given=role), now + LINK_LIFE
        return token

    def take(self, token: str) -> Identity | None:
        """Who the token is for; it is used up."""
        who, until = self._open.pop(_hash(token), (None, None))
        return who if until and until > self._now() else None


class Tries:
    """Five wrong tries from one address, then each waits longer, up to a minute."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._wrong: dict[str, tuple[int, datetime]] = {}

    def wait(self, address: str) -> int:
        """Seconds until the address may try again; 0: now."""
        count, since = self._wrong.get(address, (0, None))
        if since is None or count < _FREE:
            return 0
        left = timedelta(seconds=min(2 ** (count - _FREE), _LONGEST)) - (self._now() - since)
        return max(0, -(-left // timedelta(seconds=1)))

    def wrong(self, address: str) -> None:
        """It was wrong."""
        now = self._now()
        self._wrong = {a: w for a, w in self._wrong.items() if now - w[1] < timedelta(minutes=10)}
        while len(self._wrong) >= _MOST and address not in self._wrong:
            del self._wrong[next(iter(self._wrong))]
        self._wrong[address] = self._wrong.get(address, (0, now))[0] + 1, now

    def right(self, address: str) -> None:
        """It was right: begin anew."""
        self._wrong.pop(address, None)


_FREE, _LONGEST = 5, 60


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
