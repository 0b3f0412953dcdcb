"""The case definitions of a connection. A case of a further definition carries its name in its id: `recall/<id>`."""

from __future__ import annotations

from dataclasses import dataclass

from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.resources import Resources

from .client import CoreCaseClient
from .config import CoreCaseSettings
from .connection import client_of
from .mapping import public_id


@dataclass(frozen=True)
class CaseType:
    """One case definition: its settings and a client that speaks of its cases. The first one's name is empty."""

    name: str
    settings: CoreCaseSettings
    client: CoreCaseClient

    def public(self, own: str) -> str:
        """The id by which the rest of Connect knows a case of this definition."""
        return public_id(own, self.settings)


class CaseTypes:
    """All of them, the first first."""

    def __init__(self, settings: CoreCaseSettings, resources: Resources) -> None:
        client = client_of(settings, resources)
        self.first = CaseType("", settings, client)
        further = {name: settings.of(name) for name in settings.definitions}
        self._named = {"": self.first}
        self._named |= {n: CaseType(n, own, client.of(own.definition_id)) for n, own in further.items()}

    @property
    def all(self) -> tuple[CaseType, ...]:
        """Every definition."""
        return tuple(self._named.values())

    def named(self, name: str) -> CaseType:
        """The definition of that name, or of that id."""
        found = self._named.get(name) or next((t for t in self.all if t.settings.definition_id == name), None)
        if found is None:
            known = ", ".join(repr(n) for n in self._named if n) or "only the first, without a name"
            raise PermanentError(f"there is no case definition {name!r}: name it in `definitions` (known: {known})")
        return found

    def of(self, case: str) -> tuple[CaseType, str]:
        """The definition of a case, and the id that the platform knows the case by."""
        name, slash, own = case.partition("/")
        if slash and name in self._named:
            return self._named[name], own
        return self.first, case
