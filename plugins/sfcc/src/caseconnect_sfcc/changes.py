"""What a poll asks for: one search for each kind of thing on each site, and for each rule of what only time reveals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from caseconnect.sdk.deliveries import Polled
from caseconnect.sdk.errors import TransientError

from .client import Json, SfccClient
from .config import SfccSettings
from .config_late import STATES, LateRule
from .config_objects import ObjectSettings
from .deliveries import ACTION, LATE, ORDER
from .polling import ALL, Cursor, Walk, millis, stamp
from .values import attribute, clean, moment

Hits = tuple[list[Json], int]
"""The hits of a page, and the number of all."""

_HOUR: Final = 3_600_000
_SHOWN: Final = ("order_no", "creation_date", "last_modified", *STATES)


@dataclass(frozen=True)
class Stream:
    """One search that is walked. `kind` is the polled item's kind."""

    kind: str
    site: str
    object: ObjectSettings | None = None
    rule: LateRule | None = None

    @property
    def name(self) -> str:
        """Names its walk in the cursor."""
        return "/".join(filter(None, (self.kind, self.rule.name if self.rule else "", self.site)))

    @property
    def time(self) -> str:
        """The time that it is walked by."""
        return self.rule.since if self.rule else "last_modified"

    @property
    def key(self) -> str:
        """The field that names a hit."""
        return "key_value_string" if self.object else "order_no"

    def begin(self, now: int) -> Walk:
        """A walk that begins at now: what is older comes only by backfill."""
        return Walk(now - int(self.rule.after * _HOUR) if self.rule else now)

    def start(self, walk: Walk, began: int, overlap: int, every: int) -> bool:
        """Begin or go on with a sweep; False if it is not due."""
        if self.rule is None:
            walk.begin(overlap)
            return True
        until = began - int(self.rule.after * _HOUR)
        if walk.floor is None and until - walk.since < every:
            return False
        walk.begin(0, until)
        return True

    def settled(self, began: int, overlap: int) -> int:
        """Hits older than this stand where they say. A time of creation never changes."""
        return ALL if self.time == "creation_date" else began - overlap

    async def page(self, client: SfccClient, walk: Walk, size: int) -> Hits:
        """The next page."""
        request = self._request(walk, size)
        if self.object:
            return await client.custom_object_search(self.object.type, request)
        return await client.order_search(self.site, request)

    def place(self, hit: Json) -> tuple[str, int]:
        """Name and time of a hit."""
        try:
            return str(hit[self.key]), millis(moment(hit[self.time]))
        except (KeyError, TypeError, ValueError, OverflowError):
            raise TransientError(f"the search for {self.kind}: a hit without its name or its {self.time}") from None

    def item(self, hit: Json) -> Polled:
        """A hit as it is stored: no more of it than finds the thing again."""
        name, _ = self.place(hit)
        body: dict[str, Any] = {"site": self.site, "last_modified": hit.get("last_modified")}
        version = str(hit.get("last_modified"))
        if self.object:
            order_no = clean(attribute(hit, self.object.order_number))
            body |= {"key": name, "order_no": order_no, "status": clean(attribute(hit, self.object.status))}
        else:
            body |= {each: hit[each] for each in _SHOWN if each in hit}
        if self.rule:
            body |= {"rule": self.rule.name, "since": hit[self.time], "after": self.rule.after}
            version = f"{self.rule.name}@{hit[self.time]}"
        body = {key: value for key, value in body.items() if value is not None}
        place = f"{self.site}/{name}" if self.object else name
        return Polled(self.kind, place, version, orjson.dumps(body, option=orjson.OPT_SORT_KEYS))

    def _request(self, walk: Walk, size: int) -> dict[str, Any]:
        bounds: dict[str, Any] = {"field": self.time, "from": stamp(max(walk.floor or 0, 0))}
        if walk.until:
            bounds |= {"to": stamp(walk.until), "to_inclusive": False}
        wanted = [_term(name, "one_of", values) for name, values in (self.rule.where if self.rule else {}).items()]
        if self.object and self.object.scope == "site":
            wanted.append(_term("site_id", "is", [self.site]))
        if walk.given:
            wanted.append(_term(self.key, "not_in", sorted(walk.given)))
        query: dict[str, Any] = {"bool_query": {"must": wanted}} if wanted else {"match_all_query": {}}
        return {
            "query": {"filtered_query": {"filter": {"range_filter": bounds}, "query": query}},
            "select": self._select(),
            "sorts": [{"field": self.time, "sort_order": "asc"}],
            "start": walk.start,
            "count": size,
        }

    def _select(self) -> str:
        if self.object is None:
            return f"(total,hits.(data.({','.join(_SHOWN)})))"
        own = [f"c_{name}" for name in (self.object.order_number, self.object.status) if name]
        return f"(total,hits.({','.join((self.key, self.time, *own))}))"


def streams(settings: SfccSettings) -> Iterator[Stream]:
    """All streams, in the order of a sweep. A type of the organization is read once, for the first site."""
    objects: Mapping[str, ObjectSettings] = {
        "return": settings.returns,
        "complaint": settings.complaints,
        "claim": settings.claims,
        "dispute": settings.disputes,
        ACTION: settings.actions,
    }
    for number, site in enumerate(settings.sites):
        yield Stream(ORDER, site)
        for kind, found in objects.items():
            if found.type and (found.scope == "site" or not number):
                yield Stream(kind, site, object=found)
        for rule in settings.late:
            yield Stream(LATE, site, rule=rule)


def following(every: Sequence[Stream], cursor: Cursor) -> Sequence[Stream]:
    """The streams that are still to be read in this sweep, or all when none is going on."""
    names = [each.name for each in every]
    return every[names.index(cursor.at) :] if cursor.at in names else every


def _term(field: str, operator: str, values: Sequence[str]) -> dict[str, Any]:
    return {"term_query": {"fields": [field], "operator": operator, "values": list(values)}}
