"""Matters while they are decided on: each use case of an event sees what the former made of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from caseconnect.host.journal import Journal
from caseconnect.host.journal.records import AddedFinding, MatterKey, MatterRow, Mode
from caseconnect.sdk.commands import digest_of
from caseconnect.sdk.decisions import CaseRef, CommandState, Finding, Matter, OtherCase, item_of
from caseconnect.sdk.subjects import Subject


@dataclass
class Draft:
    """A matter with the changes of this verdict on it. `row` None: there was never one. `begun`: the verdict did it."""

    key: MatterKey
    row: MatterRow | None
    grounds: frozenset[str]
    commands: tuple[CommandState, ...] = ()
    claims: frozenset[str] = frozenset()
    timers: frozenset[str] = frozenset()
    changed: bool = False
    last_episode: int = 0
    begun: bool = False
    beside: tuple[Subject, ...] = ()
    other_cases: tuple[OtherCase, ...] = ()

    @property
    def is_open(self) -> bool:
        """There is an open matter."""
        return self.row is not None and self.row.state == "open"

    def has(self, finding: Finding) -> bool:
        """The matter holds this finding already."""
        mine = self.row.findings if self.row else ()
        return any((f.finding.exception, f.finding.ground) == (finding.exception, finding.ground) for f in mine)

    def view(self, mode: Mode) -> Matter:
        """What a use case is shown; `mode` is its flow's, by which its commands are withheld or not."""
        row = self.row
        if row is None:
            key = self.key
            return Matter(
                subject=key.subject,
                topic=key.topic,
                item=key.item,
                mode=mode,
                seen_grounds=self.grounds,
                beside=self.beside,
                other_cases=self.other_cases,
            )
        case = CaseRef(row.case, row.case_number, row.case_url) if row.case else None
        return Matter(
            subject=self.key.subject,
            topic=self.key.topic,
            item=self.key.item,
            state=row.state,
            episode=row.episode,
            id=row.id,
            owner=row.owner,
            reference=row.reference,
            mode=mode,
            case=case,
            stage=row.stage,
            findings=tuple(f.finding for f in row.findings),
            commands=self.commands,
            claims=self.claims,
            timers=self.timers,
            acted_on=row.acted_on,
            opened_at=row.opened_at,
            seen_grounds=self.grounds,
            beside=self.beside,
            other_cases=self.other_cases,
        )

    def open(self, use: str, mode: Mode, reference: str, cases: str, now: datetime) -> MatterRow:
        """Begin a new episode owned by `use`."""
        episode = self.last_episode + 1
        key = self.key
        id_ = digest_of(key.tenant, str(key.subject), key.topic, key.item, key.observe, episode)
        self.row = MatterRow(
            id_, key, episode, mode, "open", use, f"{reference}/{episode}", (use,), (), cases, opened_at=now
        )
        self.commands, self.claims, self.timers, self.changed = (), frozenset(), frozenset(), True
        self.last_episode, self.begun = episode, True
        return self.row

    def add(self, use: str, findings: tuple[Finding, ...]) -> None:
        """Add findings of a use case to the open matter."""
        if self.row is None or not findings:
            return
        uses = self.row.uses if use in self.row.uses else (*self.row.uses, use)
        added = (*self.row.findings, *(AddedFinding(use, f) for f in findings))
        self.change(uses=uses, findings=added)
        self.grounds |= {f.ground for f in findings}

    def change(self, **values: object) -> None:
        """Change fields of the row."""
        if self.row is not None:
            self.row = replace(self.row, **values)  # type: ignore[arg-type] # names are checked by replace itself
            self.changed = True


@dataclass
class Drafts:
    """All matters that one verdict may touch."""

    journal: Journal
    _found: dict[MatterKey, Draft] = field(default_factory=dict)

    def of_key(self, key: MatterKey) -> Draft:
        """The open matter of a key, else the last closed one, else none."""
        if key not in self._found:
            rows = self.journal.episodes(key)
            newest = rows[0] if rows else None
            grounds = frozenset(f.finding.ground for row in rows for f in row.findings)
            last = newest.episode if newest else 0
            others = self._other_cases(key)
            draft = Draft(key, newest, grounds, last_episode=last, beside=self._beside(key), other_cases=others)
            if newest:
                draft.commands, draft.claims, draft.timers = self.journal.around(newest.id)
            self._found[key] = draft
        return self._found[key]

    def of_row(self, row: MatterRow) -> Draft:
        """The draft of a stored matter, which may be an older episode than the newest."""
        draft = self.of_key(row.key)
        if draft.row is not None and draft.row.id == row.id:
            return draft
        commands, claims, timers = self.journal.around(row.id)
        return replace(draft, row=row, commands=commands, claims=claims, timers=timers, changed=False, begun=False)

    def _beside(self, key: MatterKey) -> tuple[Subject, ...]:
        """Other items of the same subject and topic, each once."""
        if not key.item:
            return ()
        keys = {row.key for row in self.journal.matters_of(key.tenant, key.subject)}
        names = sorted(k.item for k in keys if k.item and k != key and replace(k, item=key.item) == key)
        return tuple(item_of(key.subject, name) for name in names)

    def _other_cases(self, key: MatterKey) -> tuple[OtherCase, ...]:
        """Cases of the other open matters of the key's subject, oldest first."""
        rows = reversed(self.journal.matters_of(key.tenant, key.subject))
        others = (r for r in rows if r.state == "open" and r.key != key and r.key.observe == key.observe)
        return tuple(
            OtherCase(CaseRef(r.case, r.case_number, r.case_url), r.key.topic, r.key.item) for r in others if r.case
        )

    def open_of(self, key: MatterKey) -> list[Draft]:
        """Every matter of the key's subject that is open now, also one that this verdict opens; oldest first."""
        stored = {row.key for row in self.journal.matters_of(key.tenant, key.subject) if row.state == "open"}
        found = [self.of_key(each) for each in sorted(stored | self._found.keys(), key=str)]
        alike = [d for d in found if d.is_open and (d.key.subject, d.key.observe) == (key.subject, key.observe)]
        return sorted(alike, key=lambda d: str(d.row and d.row.opened_at))

    def closed_at_once(self) -> tuple[MatterRow, ...]:
        """Those that this verdict began, closed: a memory of what they were begun for."""
        return tuple(replace(d.row, state="closed") for d in self._found.values() if d.begun and d.row is not None)

    def changed(self) -> tuple[MatterRow, ...]:
        """The rows to be written."""
        return tuple(d.row for d in self._found.values() if d.changed and d.row is not None)
