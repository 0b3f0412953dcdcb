"""The situations of the matrix: each bends how a row is played, and says what must come of it all the same."""

from __future__ import annotations

from collections.abc import Mapping

from flow_cells import HOUR, MINUTE, Cell, Situation
from flow_worlds import Buyer
from stories import AGENT


async def does_not_fire(c: Cell) -> None:
    """Something alike that policy settles: no case, and the verdict says by which setting."""
    await c.row.quiet(c.w)
    c.expect(c.row.settled)
    await c.wait(10 * MINUTE)
    told = str(c.rows("SELECT answers FROM decisions"))
    assert c.row.because in told, told


async def fires_and_is_decided(c: Cell) -> None:
    """A matter, its case, a decision, its effect."""
    await c.begins()
    assert c.row.title in str(c.case().default)
    await c.decides()


async def late(c: Cell) -> None:
    """All that happens is told half an hour late."""
    c.w.post.keeping = True
    await c.begins(waits=False)
    await c.wait(HOUR / 2)
    assert await c.w.post.let_go()
    await c.opened()
    c.w.post.keeping = True
    c.says(c.row.moving, c.row.decisions[c.row.moving])
    await c.wait(HOUR / 2)
    assert await c.w.post.let_go()
    await _finished(c)


async def doubled(c: Cell) -> None:
    """All that happens is told three times: the same delivery again, and as a new one."""
    c.w.post.twice = True
    await c.begins()
    await c.decides()


async def reordered(c: Cell) -> None:
    """All that happened in ten minutes is told backwards, and the order was changed meanwhile."""
    c.w.post.keeping = True
    await c.begins(waits=False)
    for order in c.w.orders:
        c.w.touch(order)
    await c.wait(10 * MINUTE)
    assert await c.w.post.let_go(backwards=True)
    await c.opened()
    c.w.post.keeping = True
    c.w.h.cases.comment(c.case().id, "I look at it.", AGENT)
    await c.wait(6 * MINUTE)
    c.says(c.row.moving, c.row.decisions[c.row.moving])
    await c.wait(6 * MINUTE)
    assert await c.w.post.let_go(backwards=True)
    await _finished(c)


async def case_management_goes_down(c: Cell) -> None:
    """The case is opened, its answer is lost, and nothing answers for an hour."""
    door = c.w.doors["cases"]
    door.losing = True
    await c.begins(waits=False)
    await c.wait(HOUR)
    assert door.shut
    door.shut = door.losing = False
    await c.opened()
    await c.calm()
    await c.decides()


async def the_shop_goes_down(c: Cell) -> None:
    """The decision's first effect happens, its answer is lost, and nothing answers for an hour."""
    await c.begins()
    door = c.w.doors["shop"]
    door.losing = True
    c.says(c.row.moving, c.row.decisions[c.row.moving])
    await c.wait(HOUR)
    assert door.shut or not c.row.decisions[c.row.moving].effects
    door.shut = door.losing = False
    await _finished(c)


async def changed_before_it_is_carried_out(c: Cell) -> None:
    """The shop is down, so the first decision waits; the second one counts."""
    await changed_in_time(c, first=c.row.moving, then=c.row.other)


async def changed_in_time(c: Cell, *, first: str, then: str) -> None:
    """One outcome after another while the shop is down; what was written for the first is taken back with it."""
    await c.begins()
    door = c.w.doors["shop"]
    door.shut = True
    c.says(first, c.row.decisions[first])
    await c.wait(10 * MINUTE)
    c.w.h.cases.change(c.case().id, AGENT, custom=dict.fromkeys(c.row.decisions[first].says))
    c.says(then, c.row.decisions[then])
    await c.wait(10 * MINUTE)
    door.shut = False
    await _finished(c, then)


async def changed_after_it_was_carried_out(c: Cell) -> None:
    """What was done stays done; a person decides what follows."""
    await c.begins()
    await c.decides()
    await _other(c)


async def a_guest(c: Cell) -> None:
    """Nobody whom the shop knows."""
    await c.begins()
    await c.decides()


async def a_second_currency(c: Cell) -> None:
    """Paid in another currency than the shop's first one."""
    await c.begins()
    await c.decides()


async def two_matters_of_one_order(c: Cell) -> None:
    """Each has its case, and a decision on one leaves the other alone."""
    await c.begins()
    await c.again()
    await c.decides()
    over, c.tag = c.tag, c.row.tag  # until the other one is over, too
    c.right()
    c.tag = over
    await c.decides(c.row.again.outcome, c.row.again.does, n=1)


async def reopened(c: Cell) -> None:
    """Closed and opened again: nothing runs again, by the same outcome either; another one is a person's."""
    await c.begins()
    await c.decides()
    c.w.h.cases.close(c.case().id, AGENT)
    await c.wait(6 * MINUTE)
    c.w.h.cases.reopen(c.case().id, AGENT)
    await c.wait(6 * MINUTE)
    c.right()
    c.w.h.cases.decide(c.case().id, c.row.moving, AGENT)
    await c.wait(6 * MINUTE)
    c.right()
    await _other(c)


async def _finished(c: Cell, outcome: str = "") -> None:
    """What was decided is carried out."""
    does = c.row.decisions[outcome or c.row.moving]
    await c.calm()
    if does.then:
        does.then(c.w)
        await c.calm()
    c.comes_to(does)


async def _other(c: Cell) -> None:
    """The agent sets another outcome, after the first one was carried out."""
    c.says(c.row.other, c.row.decisions[c.row.other])
    await c.calm()
    c.comes_to(c.row.changed)


SITUATIONS: Mapping[str, tuple[Situation, Buyer]] = {
    each.__name__: (each, buyer)
    for each, buyer in (
        (fires_and_is_decided, Buyer()),
        (does_not_fire, Buyer()),
        (late, Buyer()),
        (doubled, Buyer()),
        (reordered, Buyer()),
        (case_management_goes_down, Buyer()),
        (the_shop_goes_down, Buyer()),
        (changed_before_it_is_carried_out, Buyer()),
        (changed_after_it_was_carried_out, Buyer()),
        (a_guest, Buyer(guest=True)),
        (a_second_currency, Buyer(abroad=True)),
        (two_matters_of_one_order, Buyer()),
        (reopened, Buyer()),
    )
}
