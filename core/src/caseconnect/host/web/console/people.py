"""Who asks, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum


class Role(IntEnum):
    """What a person may do; each may what the former may. An approver answers money."""

    VIEWER = 1
    OPERATOR = 2
    APPROVER = 3

    @property
    def word(self) -> str:
        """As it is written in files and on pages."""
        return self.name.lower()


ROLES = {role.word: role for role in Role}
"""The roles by their words."""


@dataclass(frozen=True)
class Person:
    """Somebody who signed in, or whose token asks. `name` is what the audit shows."""

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """They have this role, or one above it."""
        return self.role >= role


@dataclass(frozen=True)
class Identity:
    """Who somebody is, before anybody says what they may do.

    `given`: the role that a one-time link carries. Else the provider vouches for `mail` (verified) and `groups`, and
    says when it last saw them prove who they are: `at`, None if it does not say.
    """

    name: str
    given: Role | None = None
    mail: str = ""
    groups: frozenset[str] = frozenset()
    at: datetime | None = field(default=None, compare=False)
