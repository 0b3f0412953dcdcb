"""An order as somebody outside the platform names it: by its number, and who bought it.

Such a name is an alias, `connection/order_named/...`, which the platform's source resolves in `root`. A stranger must
know the e-mail address as well: then the alias holds a digest of it, never the address.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from caseconnect.sdk.subjects import Subject

NAMED = "order_named"
"""Kind of such an alias."""

NAMED_ORDERS = "named_orders"
"""The fact, an `OrderHistory`, of such an alias: every order that bears the name; none is an answer, too."""


@dataclass(frozen=True)
class OrderName:
    """The number as people write it, and the digest of the buyer's e-mail address if it has to agree."""

    number: str
    email: str = ""

    @classmethod
    def parse(cls, text: str) -> OrderName:
        """What the id of such an alias says."""
        number, _, email = text.partition("~")
        return cls(number, email)

    def agrees(self, number: str, email: str | None) -> bool:
        """An order with that number and address is the one that is meant."""
        same = plain(number).casefold() == self.number.casefold()
        return same and (not self.email or (bool(email) and digest(email or "") == self.email))


def named(connection: str, number: str, email: str | None) -> Subject:
    """The alias of an order; `email` None: the sender knows the order, and no address has to agree."""
    return Subject(connection, NAMED, plain(number) if email is None else f"{plain(number)}~{digest(email)}")


def name_of(alias: Subject) -> OrderName | None:
    """What an alias made by `named` says; None for another subject."""
    return OrderName.parse(alias.id) if alias.kind == NAMED else None


def plain(number: str) -> str:
    """The number without what people add: '#1001 ' is '1001'."""
    return number.strip().lstrip("#").strip()


def digest(email: str) -> str:
    """Of an address as people write it: case and spaces around do not count."""
    return sha256(email.strip().casefold().encode()).hexdigest()[:24]
