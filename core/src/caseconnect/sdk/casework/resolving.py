"""A matter whose ground is gone by itself: told on its case and, where the tenant wants it, closed."""

from __future__ import annotations

from caseconnect.sdk.casework.policy import CaseworkSettings
from caseconnect.sdk.casework.standing import RESOLVED, executing, holding
from caseconnect.sdk.commands import CASE, CloseCase, Command, CommentCase, digest_of
from caseconnect.sdk.decisions import Decision, Matter


def resolved(matter: Matter, why: str, settings: CaseworkSettings) -> Decision:
    """Say it once. A case is closed only if nothing was decided, and nothing is kept back for it."""
    if not matter.is_open():
        return Decision(reason=why)
    if executing(matter):
        return Decision(reason=f"{why}; the outcome is carried out, so nothing is said")
    name = f"resolved:{digest_of(why)}"
    if matter.command("CommentCase", name) is not None:
        return Decision(reason=f"{why}; said before")
    close = settings.when_resolved == "close" and not (matter.acted_on or holding(matter))
    end = " The case is closed." if close else ""
    commands: list[Command] = [CommentCase(name=name, text=f"This resolved itself: {why}.{end}", after=(CASE,))]
    if close:
        after = (CASE, f"CommentCase:{name}")
        commands.append(CloseCase(note=f"Resolved by itself: {why}.", after=after, even_if_failed=True))
    return Decision(
        reason=f"{why}: {'closed' if close else 'noted'} (when_resolved: {settings.when_resolved})",
        commands=tuple(commands),
        stage=RESOLVED if close else None,
        close=close,
    )
