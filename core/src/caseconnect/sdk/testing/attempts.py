"""One attempt of a command, as the host makes it: executed, looked for, waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from caseconnect.sdk.commands import Command
from caseconnect.sdk.components import Outcome, Repeat, Sighting
from caseconnect.sdk.errors import ConnectError, UnknownOutcome
from caseconnect.sdk.testing.connection import HTML, NO_ANSWER, SERVER_ERRORS
from caseconnect.sdk.testing.rig import ContractBroken, Rig, require
from caseconnect.sdk.testing.wire import CUT_AFTER, UNAUTHORIZED, Fault, answers, too_many
from caseconnect.sdk.testing.world import SinkWorld

KILLED = Fault("killed between effect and answer", "silent", reaches=True)

BREAKS: tuple[Fault, ...] = (
    *NO_ANSWER,
    *SERVER_ERRORS,
    KILLED,
    CUT_AFTER,
    answers(200, HTML, "text/html"),
    answers(500, b'{"error":"internal"}', reaches=True),
    answers(502, HTML, "text/html", reaches=True),
    answers(504, b"", "text/plain", reaches=True),
    answers(200, HTML, "text/html", reaches=True),
    answers(200, b"", "text/plain", reaches=True),
)
"""After each of these nobody can say 'refused' or 'never': it may work, or it may have worked."""

BREAKS_OF_READS = tuple({(f is KILLED, f.kind, f.status, f.body): f for f in reversed(BREAKS)}.values())
"""The same for a request that has no effect: whether it reached the platform before it broke is all the same."""

BLIND: tuple[Fault, ...] = (
    *NO_ANSWER,
    *SERVER_ERRORS,
    CUT_AFTER,
    answers(200, HTML, "text/html"),
    answers(200, b"", "text/plain"),
    answers(200, b'{"data":'),
    too_many(3),
)
"""With these nothing can be seen, so nothing can be called absent."""

ODD: tuple[Fault, ...] = (
    answers(200, b"{}", reaches=True),
    answers(200, b"[]", reaches=True),
    answers(200, b"null", reaches=True),
    answers(400, b'{"errors":"bad"}'),
    answers(403, b"no"),
    answers(404, b"{}"),
    answers(409, b"7"),
    UNAUTHORIZED,
    too_many(3),
)
"""Other answers; only the truth about effects is asked for."""


@dataclass
class Attempt:
    """How one call of `execute` ended. `killed`: it was cancelled, as when the host is stopped."""

    outcome: Outcome | None = None
    error: ConnectError | None = None
    killed: bool = False

    @property
    def unknown(self) -> bool:
        """It may have happened."""
        return self.killed or isinstance(self.error, UnknownOutcome)

    @property
    def taken(self) -> bool:
        """Done, or accepted with the effect to come."""
        return self.outcome is not None and self.outcome.state != "refused"

    def __str__(self) -> str:
        return "killed" if self.killed else repr(self.error or self.outcome)


async def execute(sink: Any, command: Command, *, kill: bool = False) -> Attempt:
    """One attempt. Only Connect's errors may leave the sink."""
    work = asyncio.ensure_future(sink.execute(command, f"key-of-{command.kind}"))
    if kill:
        await asyncio.wait({work}, timeout=1.0)
        work.cancel()
    try:
        outcome = await work
    except asyncio.CancelledError:
        return Attempt(killed=True)
    except ConnectError as error:
        require(bool(str(error).strip()), f"{type(error).__name__} without a text")
        return Attempt(error=error)
    except Exception as error:
        raise ContractBroken(f"{type(error).__name__} left execute(): {error}") from error
    require(isinstance(outcome, Outcome), f"execute() gave {type(outcome).__name__}")
    return Attempt(outcome=outcome)


async def verify(sink: Any, command: Command) -> Sighting:
    """One look. Connect's errors go on; no other may leave the sink."""
    try:
        sighting = await sink.verify(command, f"key-of-{command.kind}")
    except ConnectError:
        raise
    except Exception as error:
        raise ContractBroken(f"{type(error).__name__} left verify(): {error}") from error
    require(isinstance(sighting, Sighting), f"verify() gave {type(sighting).__name__}")
    found: Sighting = sighting
    return found


async def settle(rig: Rig[SinkWorld], sink: Any, command: Command, outcome: Outcome | None) -> Outcome:
    """Wait until what was accepted is seen. The look is given the receipt as the journal kept it."""
    if outcome is None or outcome.state != "accepted":
        return outcome or Outcome(state="refused")
    looked = command.model_copy(update={"receipt": orjson.loads(orjson.dumps(outcome.data))})
    for wait in _waits(rig.spec.settle_within.total_seconds()):
        await asyncio.sleep(wait)
        sighting = await verify(sink, looked)
        require(not sighting.failed, f"accepted, and then came to nothing: {sighting.note}")
        if sighting.seen:
            return Outcome(state="done", note=sighting.note, data=sighting.data, aliases=sighting.aliases)
    raise ContractBroken(f"accepted, and not seen within {rig.spec.settle_within}")


def honest(attempt: Attempt, effects: int, what: str) -> None:
    """What the attempt says of its effect must be so."""
    if attempt.taken:
        later = attempt.outcome is not None and attempt.outcome.state == "accepted"
        require(effects > 0 or later, f"{what}: {attempt}, but the ledger shows no effect")
    elif not attempt.unknown:
        require(effects == 0, f"{what}: {attempt} says surely no effect, but the ledger shows {effects}")


async def go_on(
    rig: Rig[SinkWorld], command: Command, attempt: Attempt, effects: Callable[[], int], whole: int, what: str
) -> None:
    """What the host does after an attempt, in a new process and with everything in order again: wait, look if it is
    unknown, and repeat as the class allows. In the end there are `whole` effects, and never more; none only where
    nobody can tell, so that the command is a person's."""
    repeat = rig.spec.commands[type(command)]
    await asyncio.sleep((rig.spec.lateness + rig.spec.index_lag).total_seconds() + 60)
    async with rig.started() as sink:
        if attempt.unknown:
            sighting = await verify(sink, command)
            require(effects() > 0 or sighting.seen is not True, f"{what}: verify() sees an effect that is not there")
            denied = effects() >= whole and sighting.seen is False
            require(not denied, f"{what}: the effect is there, and verify() says that it is not")
            blind = sighting.seen is None and repeat not in (Repeat.STATE, Repeat.KEY)
            if sighting.seen or blind:
                require(effects() in (0, whole), f"{what}: {effects()} of {whole} effects, and nobody will do the rest")
                return
        if attempt.taken:
            await settle(rig, sink, command, attempt.outcome)
        else:
            again = await execute(sink, command)
            require(again.taken, f"{what}: the next attempt, with everything in order, ended with {again}")
            await settle(rig, sink, command, again.outcome)
    require(effects() == whole, f"{what}: in the end {effects()} effects instead of {whole}")


def _waits(whole: float) -> Iterator[float]:
    for step in (1.0, 5.0, 30.0):
        yield step
        whole -= step
    while whole > 0:
        yield 60.0
        whole -= 60.0
