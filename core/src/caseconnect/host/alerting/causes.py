"""Every cause of an alert: what it is called, how bad it is, which page says what to do, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Literal, get_args

from caseconnect.sdk.commands import COMMANDS

Severity = Literal["critical", "warning", "info"]
"""critical: money or orders wait, somebody is to look now; warning: today; info: good to know."""

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
PAGES = "docs/runbooks"
"""The folder of the pages, as the documentation has it."""


@dataclass(frozen=True)
class Cause:
    """One kind of cause. `pattern` is what a cause looks like (`*` for names), `page` the name of its runbook.

    `itself`: it closes when what caused it is gone; else a person closes it.
    """

    pattern: str
    page: str
    title: str
    severity: Severity
    itself: bool = True


_MONEY = tuple(sorted(kind for kind, command in COMMANDS.items() if command.money))

CAUSES: tuple[Cause, ...] = (
    Cause("auth:*", "credentials-refused", "Credentials are refused", "critical"),
    Cause("account:*", "another-account", "A shop is another account", "critical"),
    Cause("tenant-file", "tenant-file", "A tenant file is not in force", "warning"),
    Cause("expires:*", "credentials-ending", "Credentials end soon", "warning"),
    Cause("ends:*", "version-ending", "A platform's version ends soon", "warning"),
    Cause("down:*", "connection-down", "A connection does not work", "critical"),
    Cause("listen:*", "queue-unreachable", "A queue cannot be listened to", "critical"),
    Cause("late:*", "poll-late", "A poll is late", "warning"),
    Cause("silent:*", "source-silent", "A source is silent", "warning"),
    Cause("pushes:*", "subscription-lost", "Webhooks have stopped", "warning"),
    Cause("check:*", "check-failed", "A daily check fails", "warning"),
    Cause("changed:*", "definition-changed", "A definition has changed", "warning", itself=False),
    Cause("compared:*:changes", "changes-missed", "Changes came by no webhook and no poll", "warning"),
    Cause("compared:*:cases", "cases-unheard", "Cases changed unheard, or are gone", "warning"),
    Cause("compared:*:money", "money-not-there", "Money is done here and not there", "critical", itself=False),
    Cause("old:*", "command-old", "Commands are open for too long", "warning"),
    Cause("unknown:*", "money-unknown", "The outcome of money is unknown", "critical"),
    Cause("cap:*", "cap-reached", "A cap is reached", "critical"),
    Cause("incident:*", "storm", "A storm of cases", "critical"),
    Cause("parked:delivery", "delivery-parked", "A delivery is parked", "warning"),
    Cause("parked:event", "event-parked", "An event is parked", "warning"),
    *(Cause(f"parked:{kind}", "money-parked", "Money is parked", "critical") for kind in _MONEY),
    Cause("parked:*", "command-parked", "A command is parked", "warning"),
    Cause("refused:OpenCase", "case-refused", "A case could not be opened", "critical"),
    Cause("refused:*", "command-refused", "A command was refused", "warning"),
    Cause("broke:*", "command-broke", "A command broke on its way", "warning"),
    Cause("mode:*", "kept-back", "A flow's mode keeps commands back", "info"),
    Cause("held:unclaimed", "hold-unclaimed", "An order is held and nobody wants it", "warning"),
    Cause("close:held", "matter-held", "A matter cannot close while it holds", "warning"),
    Cause("matters:twins", "matters-twins", "Two matters for one order", "warning"),
    Cause("proposal:*", "proposal-waiting", "A proposal waits for its second person", "warning"),
    Cause("privacy:*", "privacy-request", "A request about personal data", "warning", itself=False),
    Cause("journal:doubt", "journal-doubt", "The journal is in doubt", "critical", itself=False),
    Cause("doubt:*", "money-doubt", "Money that the platform does not show", "critical", itself=False),
    Cause("disk:full", "disk-full", "The disk is full", "critical"),
    Cause("disk:low", "disk-low", "The disk is nearly full", "warning"),
    Cause("pipeline:blocked", "pipeline-blocked", "A plugin blocks the pipeline", "critical"),
    Cause("daemon:ended", "daemon-ended", "The daemon was not stopped in order", "critical"),
    Cause("channel:*", "channel-failing", "Alerts cannot be told by a channel", "warning"),
    Cause("*:refused:OpenCase", "case-refused", "A case could not be opened", "critical"),
    *(Cause(f"*:refused:{kind}", "money-refused", "Money was refused", "critical") for kind in _MONEY),
    Cause("*:refused:*", "command-refused", "A command was refused", "warning"),
    Cause("*:unmapped:*", "outcome-unmapped", "An outcome is mapped to nothing", "warning"),
    Cause("*", "flow-told", "A use case asks for a person", "warning"),
)
"""The first that fits counts; the last is what use cases tell: their name, then what they say."""


@lru_cache(maxsize=4096)
def cause_of(cause: str) -> Cause:
    """What an alert's cause is one of."""
    return next(one for one in CAUSES if fnmatchcase(cause, one.pattern))


def page_of(cause: str) -> str:
    """The path of the runbook of a cause, below the documentation's folder."""
    return f"{PAGES}/{cause_of(cause).page}.md"
