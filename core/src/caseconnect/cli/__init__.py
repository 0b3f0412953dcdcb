"""The command `connect`. Each command's module is imported only when it is used, so that `--help` is quick.

A command is one line of `COMMANDS`: its name, where it is, and the first line of its own help text. Other
distributions add commands by an entry point in the group `connect.commands`, which names a `click.Command`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import IntEnum
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click

from caseconnect import __version__


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    WRONG = 1
    USAGE = 2
    HELD = 3
    JOURNAL = 4
    SHOWN = 5
    INTERRUPTED = 130


EXIT_CODES: Mapping[Exit, str] = {
    Exit.OK: "done; what was asked about is right",
    Exit.WRONG: "what was asked about is wrong, or was refused; the output says why",
    Exit.USAGE: "the command line is wrong",
    Exit.HELD: "another daemon holds the journal",
    Exit.JOURNAL: "the journal cannot be used: damaged, made by a newer version, or no space",
    Exit.SHOWN: "`resume` without --yes: what would happen was shown, and nothing was done",
    Exit.INTERRUPTED: "interrupted from the keyboard",
}
"""What each exit code means. Shown by `connect --help`."""

COMMANDS: Mapping[str, tuple[str, str]] = {
    "audit": (
        "caseconnect.cli.audit:audit",
        "Tell per tenant and day what came, what was done and what moved, and whether the platforms agree.",
    ),
    "caps": ("caseconnect.cli.caps:caps", "Show how much of each cap is used now, and what people changed of it."),
    "console": (
        "caseconnect.cli.console:console",
        "Print a link that signs somebody in to the console, once, within ten minutes.",
    ),
    "backfill": (
        "caseconnect.cli.connections:backfill",
        "Read what is older than a connection, and store it as if it had been polled.",
    ),
    "backup": (
        "caseconnect.cli.keeping:backup",
        "Copy the journal into one new file, also while `connect serve` runs, and verify the copy.",
    ),
    "restore": (
        "caseconnect.cli.keeping:restore",
        "Put a backup in the journal's place; the next start asks the platforms about the money first.",
    ),
    "verify": (
        "caseconnect.cli.keeping:verify",
        "Verify the journal, or a backup of it: every row, every link of the hash chains.",
    ),
    "privacy": (
        "caseconnect.cli.privacy:privacy",
        "Show what became of requests about personal data: a receipt for each.",
    ),
    "setup": (
        "caseconnect.cli.connections:setup",
        "Make what a connection needs on its platform: webhooks, definitions of attributes.",
    ),
    "completion": (
        "caseconnect.cli.completing:completion",
        "Print the script with which a shell completes `connect`.",
    ),
    "errors": (
        "caseconnect.cli.operate:errors",
        "Show what waits for a person: alerts, parked items with what each blocks, and pauses.",
    ),
    "explain": (
        "caseconnect.cli.explain:explain",
        "Tell everything about an order or a case: deliveries, events, verdicts with reasons, commands, outcomes.",
    ),
    "pause": (
        "caseconnect.cli.pausing:pause",
        "Stop sending: a whole tenant, a flow, a connection, or one kind of command.",
    ),
    "plan": (
        "caseconnect.cli.planning:plan",
        "Tell what a tenant file would have done with the events that the journal has, without a single write.",
    ),
    "reload": (
        "caseconnect.cli.reload:reload",
        "Have the running daemon read connect.yaml and the tenant files again, and tell what changed and why not.",
    ),
    "replay": (
        "caseconnect.cli.operate:replay",
        "Take parked deliveries or events up again: all, or those with the given numbers.",
    ),
    "resolve": (
        "caseconnect.cli.resolve:resolve",
        "Answer what waits for a person: a command, a parked delivery or event, an alert, an incident.",
    ),
    "resume": ("caseconnect.cli.pausing:resume", "End a pause, after a look at what waits behind it."),
    "undo-cases": (
        "caseconnect.cli.undo:undo_cases",
        "Close the cases that a rule opened, but only those that no person touched.",
    ),
    "serve": ("caseconnect.cli.serve:serve", "Run the daemon: take deliveries, decide, carry commands out."),
    "simulate": (
        "caseconnect.cli.simulate:simulate",
        "Run a stand-in of a platform on this machine, with a page that shows its state.",
    ),
    "check": (
        "caseconnect.cli.tenants:check",
        "Check tenant files and the daemon's own, and show what the flows would do.",
    ),
    "test-alerts": (
        "caseconnect.cli.alerts:test_alerts",
        "Send a trial by each channel of alerts, or by those named, and tell what became of it.",
    ),
    "list-plugins": (
        "caseconnect.cli.plugins:list_plugins",
        "List installed plugins, the broken ones with the reason.",
    ),
    "new-plugin": ("caseconnect.cli.new_plugin:new_plugin", "Write a new plugin package that passes its tests."),
    "tenants": (
        "caseconnect.cli.reload:tenants",
        "Show since when each tenant's file is in force, or all files of one tenant: when, by whom, what changed.",
    ),
    "test": (
        "caseconnect.cli.testing:test",
        "Play a tenant's own tests: given events, facts and a clock, these cases and commands are expected.",
    ),
    "schema": ("caseconnect.cli.tenants:schema", "Print the JSON Schema of tenant files, for editors."),
}
"""Every command of this distribution: where it is, and its help line."""

FOREIGN_GROUP = "connect.commands"
"""Entry-point group of other distributions' commands."""


@cache
def foreign_commands() -> Mapping[str, EntryPoint]:
    """Commands of other distributions by name. Our own names cannot be taken; of two the first by name counts."""
    found = sorted(entry_points(group=FOREIGN_GROUP), key=_distribution, reverse=True)
    return {point.name: point for point in found if point.name not in COMMANDS}


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "an unknown distribution"


def _load_foreign(point: EntryPoint) -> click.Command:
    """The command itself, or one in its place that says what is wrong with it when it is run."""
    try:
        found = point.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever another's module does, ours go on
        return _broken(point, f"{type(error).__name__}: {error}")
    if not isinstance(found, click.Command):
        return _broken(point, f"{point.value} is a {type(found).__name__}, not a click command")
    return found


def _broken(point: EntryPoint, why: str) -> click.Command:
    # Not an error at once: completion asks for every command, and a broken one must not stop the others.
    def tell() -> None:
        from caseconnect.cli.output import complain

        whose = _distribution(point)
        complain(
            f"the command {point.name} of {whose} is broken: {why}. All other commands work; "
            f"install another version of {whose}, or remove it"
        )
        click.get_current_context().exit(Exit.WRONG)

    anything = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(point.name, callback=tell, context_settings=anything, add_help_option=False)


def _help_line(name: str) -> str:
    if name in COMMANDS:
        return COMMANDS[name][1]
    # Its own text would cost its import.
    return f"from {_distribution(foreign_commands()[name])}"


class _Commands(click.Group):
    """A group that imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*COMMANDS, *foreign_commands()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            foreign = foreign_commands().get(cmd_name)
            return _load_foreign(foreign) if foreign else None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        found: click.Command = getattr(import_module(module), name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _help_line(name)) for name in self.list_commands(ctx)])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code.value), text) for code, text in EXIT_CODES.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(Exit.INTERRUPTED)
        except Exception as error:
            # Only a command that ran can have imported the SDK, whose import takes longer than `--help` may.
            errors = sys.modules.get("caseconnect.sdk.errors")
            if errors is None or not isinstance(error, errors.ConnectError):
                raise
            from caseconnect.cli.output import complain

            complain(str(error))
            ctx.exit(Exit.WRONG)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="connect")
def main() -> None:
    """Connect joins commerce platforms to case management."""
