"""What is said on a case, and to a person."""

from __future__ import annotations

from caseconnect.sdk.commands import CASE, CommentCase
from caseconnect.sdk.decisions import Decision, Matter


def note_once(matter: Matter, name: str, text: str, alert: str | None, reason: str, alert_kind: str = "") -> Decision:
    """Say something on the case, and to a person, once per `name`.

    `text` may hold what people wrote. `alert` and `reason` may not: they leave the case.
    """
    if matter.command("CommentCase", name) is not None:
        return Decision(reason=f"{reason}; said before")
    comment = CommentCase(name=name, text=text, after=(CASE,))
    return Decision(reason=reason, commands=(comment,), alert=alert, alert_kind=alert_kind)
