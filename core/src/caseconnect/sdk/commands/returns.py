"""Commands that answer a return request. They move no value: a refund or an exchange is a command of its own."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from caseconnect.sdk.commands.base import Command
from caseconnect.sdk.subjects import Subject


class ApproveReturn(Command):
    """Let the shopper send the goods back."""

    kind = "ApproveReturn"
    conflicts = frozenset({"DeclineReturn"})

    returned: Subject = Field(description="The return.")
    notify_customer: bool = True

    def slot(self) -> tuple[str, str]:
        """A return is answered once."""
        return f"return:{self.returned.id}", "approved"


class DeclineReturn(Command):
    """Refuse a return request, with the reason that the shopper reads."""

    kind = "DeclineReturn"
    conflicts = frozenset({"ApproveReturn"})

    returned: Subject = Field(description="The return.")
    cause: Literal["final_sale", "return_period_ended", "other"] = "other"
    note: str = Field("", max_length=500, repr=False)
    notify_customer: bool = True

    def slot(self) -> tuple[str, str]:
        """A return is answered once."""
        return f"return:{self.returned.id}", "declined"
