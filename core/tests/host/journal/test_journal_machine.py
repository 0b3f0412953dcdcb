"""Any order of verbs against a simple model, and what must hold whatever they were."""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from journal_desk import ORDER, TENANT, Desk, case_of, delivery, look, now_of

from caseconnect.host.journal import states
from caseconnect.host.journal.errors import Conflict
from caseconnect.host.journal.records import DecidedBy, MatterKey, MatterRow, Resolved
from caseconnect.sdk.commands import (
    COMMANDS,
    AnnotateOrder,
    CancelOrder,
    Command,
    CommentCase,
    HoldOrder,
    ReleaseOrder,
)
from caseconnect.sdk.decisions import Timer
from caseconnect.sdk.subjects import Subject

PART = Subject("shop", "fulfillment_order", "7")
OPEN = "('planned', 'sending', 'unknown', 'accepted')"
EVER = timedelta(days=400)
WISHES: list[Command] = [
    HoldOrder(),
    ReleaseOrder(),
    HoldOrder(after=("case",), even_if_failed=True),
    CancelOrder(),
    case_of(),
    CommentCase(name="a", text="x"),
    AnnotateOrder(name="s", add_tags=("a",)),
    AnnotateOrder(name="s", add_tags=("b",), after=("HoldOrder",)),
    AnnotateOrder(name="t", after=("AnnotateOrder:u",)),
    AnnotateOrder(name="u", after=("AnnotateOrder:t",)),
]

ORDERS: dict[str, Command] = {"hold": HoldOrder(), "release": ReleaseOrder(), "cancel": CancelOrder()}
ORDERS["new ground"] = HoldOrder()
STEPS = ["hold", "hold", "release", "release", "cancel", "close", "sending", "sending", "sending"]
STEPS += ["new ground", "seen released", "done", "done", "refused", "unknown", "planned", "parked"]


class HoldMachine(RuleBasedStateMachine):
    """Holds and releases of two matters. `stored` and `keys` (with their states) are what was acknowledged."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.desk = Desk(self.folder)
        self.stored: dict[tuple[str, str, bytes], int] = {}
        self.ended: set[int] = set()
        self.keys: dict[str, str] = {}
        self.matters = 0

    def teardown(self) -> None:
        self.desk.close()
        shutil.rmtree(self.folder)

    # decide

    def _matter(self, subject: Subject, topic: str, observe: bool) -> MatterRow:
        lane = self.desk.journal.subject_of(TENANT, subject)
        rows = self.desk.journal.episodes(MatterKey(TENANT, lane, topic, "", observe))
        if rows and rows[0].state == "open":
            return rows[0]
        self.matters += 1
        episode = rows[0].episode + 1 if rows else 1
        made = self.desk.matter(topic, lane, episode, observe=observe, mode="observe" if observe else "live")
        return MatterRow(**{**vars(made), "id": f"m{self.matters}", "reference": f"r{self.matters}"})

    @rule(value=st.sampled_from(["held", "released"]), subject=st.sampled_from([ORDER, PART]))
    def somebody_looks_at_the_order(self, value: str, subject: Subject) -> None:
        self.somebody_looked(value, subject)

    def somebody_looked(self, value: str, subject: Subject) -> None:
        lane = self.desk.journal.subject_of(TENANT, subject)
        self.desk.decide(observed=(self.desk.observed(value, subject),), lane=lane)

    # deliver

    @rule(
        steps=st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from(["fraud", "address"])), min_size=3, max_size=9)
    )
    def story(self, steps: list[tuple[str, str]]) -> None:
        """Two matters wish for things, and what is under way goes on as it may; each step is looked at."""
        for step, topic in steps:
            if step in ORDERS:
                row = self._matter(ORDER, topic, observe=False)
                ground = "new" if step == "new ground" else f"g{self.matters}"
                ask = self.desk.ask(row, ORDERS[step], ground=ground)
                keys = self.desk.decide(ask, matters=(row,), lane=row.key.subject)
                self.keys |= dict.fromkeys(keys, "new")
            elif step == "close":
                row = self._matter(ORDER, topic, observe=False)
                self.desk.decide(matters=(MatterRow(**{**vars(row), "state": "closed"}),), lane=row.key.subject)
            elif step == "seen released":
                self.somebody_looked("released", ORDER)
            else:
                self._next(step)
            self.desk.pass_time(seconds=1)
            self.everything_holds()

    def _next(self, becomes: str) -> None:
        """The newest command for which the deliverer might do that."""
        due = set(self.desk.due())
        rows = self.desk.sql(f"SELECT key, state FROM commands WHERE state IN {OPEN} ORDER BY seq DESC")
        for key, state in rows:
            if becomes in states.TRANSITIONS[state] and (state != "planned" or key in due):
                self._change(key, becomes)
                return

    def everything_holds(self) -> None:
        """All that must hold, between the steps of one rule."""
        self.commands_move_along_the_table_and_every_step_is_written_down()
        self.every_end_is_told_once()
        self.nothing_is_out_of_sight()
        self.matters_are_one_a_key_and_closed_ones_hold_nothing()
        self.one_planned_value_a_slot_and_observers_take_none()
        self.no_hold_is_forgotten()

    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        """One allowed step of one command, as long as the deliverer might take it. To supersede is the journal's."""
        due = set(self.desk.due())
        rows = self.desk.sql(f"SELECT key, state FROM commands WHERE state IN {OPEN}")
        going = sorted(key for key, state in rows if state != "planned" or key in due)
        if going:
            key = data.draw(st.sampled_from(going))
            becomes = states.TRANSITIONS[self.desk.state(key)] - {states.SUPERSEDED}
            self._change(key, data.draw(st.sampled_from(sorted(becomes))))

    def _change(self, key: str, becomes: str) -> None:
        was = self.desk.state(key)
        allowed = becomes in states.TRANSITIONS[was]
        try:
            if becomes == "sending":
                self.desk.began(key)
            else:
                self.desk.settle(key, becomes, data={"id": f"case-{key}"})
        except Conflict:
            blocked = was == "parked" or becomes == "sending"
            assert not allowed or blocked, f"{key}: {was} -> {becomes} was refused"
            assert self.desk.state(key) == was
        else:
            assert allowed, f"{key}: {was} -> {becomes} was let through"

    @rule(data=st.data(), what=st.sampled_from(["retry", "done", "refuse"]))
    def a_person_answers(self, data: st.DataObject, what: Any) -> None:
        parked = [row["key"] for row in self.desk.journal.stuck()["commands"]]
        if parked:
            key = data.draw(st.sampled_from(parked))
            try:
                assert self.desk.answer(key, what) == self.desk.state(key) != "parked"
            except Conflict:
                assert what != "refuse"
                assert self.desk.state(key) == "parked"

    # time and crashes

    @rule()
    def the_process_ends_and_starts(self) -> None:
        sending = {k for (k,) in self.desk.sql("SELECT key FROM commands WHERE state='sending'")}
        now = self.desk.now
        self.desk.close()
        self.desk = Desk(self.folder)
        self.desk.now = now
        assert set(now_of(self.desk.journal.recover(now))) == sending
        assert now_of(self.desk.journal.recover(now)) == []

    # what must hold

    @invariant()
    def nothing_acknowledged_is_lost(self) -> None:
        rows = self.desk.sql("SELECT delivery_id, topic, seq FROM deliveries")
        assert sorted(rows) == sorted((i, t, seq) for (i, t, _), seq in self.stored.items())
        assert {k for (k,) in self.desk.sql("SELECT key FROM commands")} == set(self.keys)

    @invariant()
    def commands_move_along_the_table_and_every_step_is_written_down(self) -> None:
        last = dict.fromkeys(self.keys, "new")
        for key, was, became in self.desk.sql("SELECT key, was, became FROM outcomes ORDER BY seq"):
            assert last[key] == was
            assert became in states.TRANSITIONS[was]
            last[key] = became
        assert last == dict(self.desk.sql("SELECT key, state FROM commands"))
        self.keys = last

    @invariant()
    def every_end_is_told_once(self) -> None:
        kinds = tuple(k for k, c in COMMANDS.items() if c.settles)
        ends = self.desk.sql(
            f"SELECT count(*) FROM outcomes o JOIN commands c USING (key) WHERE c.kind IN {kinds}"
            " AND o.became IN ('done', 'refused', 'parked')"
        )
        assert ends == self.desk.sql("SELECT count(*) FROM events WHERE type='CommandSettled'")

    @invariant()
    def nothing_is_out_of_sight(self) -> None:
        end = self.desk.now + EVER
        left = set(self.stored.values()) - self.ended
        assert {d.seq for d in self.desk.journal.unparsed(TENANT, end, 999)} == left
        ready = {s for (s,) in self.desk.sql("SELECT seq FROM events WHERE state IN ('ready', 'waiting')")}
        assert {e.seq for e in self.desk.journal.ready_events(TENANT, end, 999)} == ready
        due = {c.key for c in self.desk.journal.due_commands(TENANT, end, 999)}
        rows = self.desk.sql(f"SELECT key, state, waits, slot, matter FROM commands WHERE state IN {OPEN}")
        for key, state, waits, slot, matter in rows:
            if key in due or state == "sending":
                continue
            going = [r for r in rows if r[0] != key]
            if waits:
                parked = self.desk.sql("SELECT 1 FROM commands WHERE matter=? AND state='parked'", matter)
                assert parked or any(r[4] == matter and not r[2] for r in going), f"{key} waits for nothing"
            else:
                assert any(r[3] == slot and r[1] != "planned" for r in going), f"{key} is never sent"

    @invariant()
    def matters_are_one_a_key_and_closed_ones_hold_nothing(self) -> None:
        twice = (
            "SELECT subject, topic, item, observe FROM matters WHERE state='open' GROUP BY 1,2,3,4 HAVING count(*)>1"
        )
        assert self.desk.sql(twice) == []
        for table in ("claims", "timers"):
            closed = f"SELECT 1 FROM {table} x JOIN matters m ON m.id = x.matter WHERE m.state='closed'"
            assert self.desk.sql(closed) == [], table

    @invariant()
    def one_planned_value_a_slot_and_observers_take_none(self) -> None:
        planned = "SELECT slot FROM commands WHERE state='planned' AND slot IS NOT NULL GROUP BY 1 HAVING count(*)>1"
        assert self.desk.sql(planned) == []
        out = "SELECT slot FROM commands WHERE state='sending' AND slot IS NOT NULL GROUP BY 1 HAVING count(*)>1"
        assert self.desk.sql(out) == []
        observing = "SELECT 1 FROM claims x JOIN matters m ON m.id = x.matter WHERE m.observe"
        assert self.desk.sql(observing) == []

    @invariant()
    def no_hold_is_forgotten(self) -> None:
        """What is held for nobody is being released, was cancelled, or is shown to a person."""
        held = self.desk.sql(
            "SELECT slot FROM slots WHERE confirmed='held'"
            " AND NOT EXISTS (SELECT 1 FROM claims c WHERE c.slot=slots.slot)"
        )
        for (slot,) in held:
            released = "SELECT 1 FROM commands WHERE slot=? AND value='released'"
            going = self.desk.sql(f"{released} AND (state IN {OPEN} OR state='parked')", slot)
            cancelled = "SELECT 1 FROM commands WHERE kind='CancelOrder' AND state='done' AND target=?"
            over = self.desk.sql(cancelled, slot.split("|")[2])
            shown = {"refused:ReleaseOrder", "held:unclaimed"} & set(self.desk.alerts())
            assert going or over or shown, slot

    @invariant()
    def no_hold_comes_back_on_its_old_ground(self) -> None:
        """Unless the matter itself gave it up between."""
        twice = (
            "SELECT a.key, b.key FROM commands a JOIN commands b ON b.base = a.base AND b.generation > a.generation"
            " AND b.ground = a.ground WHERE a.kind = 'HoldOrder' AND a.state = 'done' AND NOT EXISTS"
            " (SELECT 1 FROM commands r WHERE r.matter = a.matter AND r.slot = a.slot AND r.value = 'released'"
            " AND r.seq BETWEEN a.seq AND b.seq)"
        )
        assert self.desk.sql(twice) == []


class JournalMachine(HoldMachine):
    """All of the journal's verbs."""

    # intake

    @rule(id_=st.sampled_from("ab"), topic=st.sampled_from(["paid", "updated"]), body=st.sampled_from([b"1", b"2"]))
    def receive(self, id_: str, topic: str, body: bytes) -> None:
        name = (id_, topic, body)
        receipt = self.desk.receive(delivery(id_, body, topic))[0]
        if name in self.stored:
            assert (receipt.status, receipt.seq) == ("duplicate", self.stored[name])
        else:
            unread = (b for (_, _, b), seq in self.stored.items() if seq not in self.ended)
            assert receipt.status == ("reference" if body in unread else "stored")
            assert receipt.flagged == any((i, t) == (id_, topic) for i, t, _ in self.stored)
            self.stored[name] = receipt.seq

    @precondition(lambda self: set(self.stored.values()) - self.ended)
    @rule(
        data=st.data(),
        lane=st.sampled_from([ORDER, PART]),
        alias=st.booleans(),
        end=st.sampled_from(["events", "ignored", "waiting"]),
    )
    def parse(self, data: st.DataObject, lane: Subject, alias: bool, end: str) -> None:
        seq = data.draw(st.sampled_from(sorted(set(self.stored.values()) - self.ended)))
        if end == "events":
            self.desk.parsed(seq, Resolved(look(lane), lane, (PART,) if alias else ()))
        else:
            self.desk.parsed(seq, state=end, reason="so", due=self.desk.now + timedelta(minutes=5))
        if end != "waiting":
            self.ended.add(seq)

    @rule(
        subject=st.sampled_from([ORDER, PART]),
        topic=st.sampled_from(["fraud", "address"]),
        observe=st.sampled_from([False, False, False, True]),
        wishes=st.lists(st.sampled_from(WISHES), max_size=3, unique_by=lambda c: (c.kind, c.name)),
        ground=st.sampled_from(["g1", "g2"]),
        parked=st.sampled_from([False, False, False, True]),
        timer=st.booleans(),
        close=st.sampled_from([False, False, True]),
    )
    def decide(
        self, subject: Subject, topic: str, observe: bool, wishes: list[Command], ground: str, parked: bool,
        timer: bool, close: bool,
    ) -> None:  # fmt: skip
        row = self._matter(subject, topic, observe)
        birth = "withheld" if observe else "parked" if parked else "planned"
        asks = [self.desk.ask(row, wish, ground=ground, birth=birth) for wish in wishes]
        lane = row.key.subject
        events = tuple(e.seq for e in self.desk.journal.ready_events(TENANT, self.desk.now, 99) if e.lane == lane)
        timers = (Timer(name="later", due=self.desk.now + timedelta(hours=1)),) if timer else ()
        answers = (DecidedBy("fraud", "so", matter=row.id, timers=timers),)
        written = MatterRow(**{**vars(row), "state": "closed" if close else "open"})
        keys = self.desk.decide(*asks, matters=(written,), lane=lane, events=events, answers=answers)
        assert not set(keys) & set(self.keys)
        self.keys |= dict.fromkeys(keys, "new")
        assert not [e for e in self.desk.journal.ready_events(TENANT, self.desk.now, 99) if e.seq in events]

    @precondition(lambda self: self.keys)
    @rule(data=st.data(), becomes=st.sampled_from(sorted(states.TRANSITIONS)))
    def try_anything(self, data: st.DataObject, becomes: str) -> None:
        key = data.draw(st.sampled_from(sorted(self.keys)))
        if becomes != "superseded" and self.desk.state(key) != "parked":  # those are the journal's and a person's
            self._change(key, becomes)

    @rule(minutes=st.sampled_from([1, 10, 100]))
    def time_goes_by(self, minutes: int) -> None:
        self.desk.pass_time(minutes=minutes)
        while now_of(self.desk.journal.fire(self.desk.now, 9)):
            pass
        assert self.desk.sql("SELECT count(*) FROM timers WHERE due <= ?", self.desk.now.isoformat()) == [(0,)]


@pytest.mark.parametrize(("machine", "examples"), [(HoldMachine, 20), (JournalMachine, 12)])
def test_whatever_the_order_of_verbs_the_journal_holds(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    machine: type[HoldMachine],
    examples: int,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    many = examples * int(os.environ.get("CONNECT_EXAMPLES", "1"))
    chosen = settings(
        max_examples=many, stateful_step_count=20, deadline=None, derandomize="CI" in os.environ, database=None
    )
    run_state_machine_as_test(machine, settings=chosen)
