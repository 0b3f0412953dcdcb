"""Who exists in a tenant: the client's own service account, and the agents."""

from __future__ import annotations

from collections.abc import Iterator

from .errors import Refused
from .model import Identity
from .settings import TenantSettings, UserSettings, stable_id


class People:
    """The identities of one tenant; the service account is never an agent."""

    def __init__(self, settings: TenantSettings) -> None:
        self._tenant = settings.id
        self.service = self._identity(settings.service_account)
        self.agents = [self._identity(agent) for agent in settings.agents]

    def __iter__(self) -> Iterator[Identity]:
        """The service account, then the agents."""
        return iter([self.service, *self.agents])

    def _identity(self, user: UserSettings) -> Identity:
        known = user.id or stable_id(self._tenant, "user", user.email)
        ets = stable_id(self._tenant, "ets", user.email)
        return Identity(known, user.first_name, user.last_name, user.email, user.kind, ets)

    def known(self, who: str) -> Identity | None:
        """The person of an id, etsUuid or e-mail."""
        return next((person for person in self if person.known_as(who)), None)

    def shown(self, who: str | None) -> str | None:
        """The e-mail of a known person, else the text itself."""
        person = self.known(who) if who else None
        return person.email if person else who

    def find(self, who: str | None) -> Identity:
        """The person meant, the first agent for `None`; an e-mail not known yet is a new agent."""
        if who is None:
            return self.agents[0] if self.agents else self.find("agent@core-case.example")
        person = self.known(who)
        if person:
            return person
        if "@" not in who:
            known = ", ".join(agent.email for agent in self.agents)
            raise Refused(400, f"Nobody is known as {who!r}. Known agents: {known}; or give an e-mail address.")
        first, _, last = who.partition("@")[0].replace(".", " ").title().partition(" ")
        self.agents.append(self._identity(UserSettings(who, first, last)))
        return self.agents[-1]
