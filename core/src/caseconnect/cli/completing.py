"""`connect completion`, and what a shell completes: names from the journal and the tenant files, never an error."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem, get_completion_class

if TYPE_CHECKING:
    from caseconnect.host.journal import SqliteJournal

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

_SCRIPTS = {
    "bash": 'eval "$(connect completion bash)"  # in ~/.bashrc',
    "zsh": 'eval "$(connect completion zsh)"  # in ~/.zshrc',
    "fish": "connect completion fish > ~/.config/fish/completions/connect.fish",
}


@click.command("completion")
@click.argument("shell", type=click.Choice(sorted(_SCRIPTS)))
def completion(shell: str) -> None:
    """Print the script with which a shell completes `connect`.

    Commands, options, and the names of tenants, connections, flows and alerts, as the journal and the files have them.

    \b
    connect completion bash
    connect completion zsh
    connect completion fish
    """
    from caseconnect.cli import main

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"no script for {shell}")
    click.echo(f"# {_SCRIPTS[shell]}\n{found(main, {}, 'connect', '_CONNECT_COMPLETE').source()}")


def _completing(names: Callable[[click.Context], Iterable[str]]) -> Complete:
    def complete(ctx: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem]:
        with suppress(Exception):  # a shell shows no error: without names nothing is completed
            return [CompletionItem(name) for name in sorted(set(names(ctx))) if name.startswith(begun)]
        return []

    return complete


def _journal(ctx: click.Context) -> SqliteJournal:
    from caseconnect.cli.places import journal_path
    from caseconnect.host.journal import SqliteJournal

    return SqliteJournal.read(journal_path(Path(ctx.params.get("data") or os.environ.get("CONNECT_DATA", "data"))))


def _known(ctx: click.Context) -> dict[str, dict[str, list[str]]]:
    journal = _journal(ctx)
    try:
        return journal.names()
    finally:
        journal.close()


def _of_tenant(ctx: click.Context, kind: str) -> list[str]:
    tenant = ctx.params.get("tenant")
    return [name for whose, names in _known(ctx).items() if tenant in (None, whose) for name in names[kind]]


def _places(ctx: click.Context) -> list[str]:
    """TENANT/CONNECTION, as the journal has them."""
    return [f"{tenant}/{name}" for tenant, names in _known(ctx).items() for name in names["connection"]]


def _waiting(ctx: click.Context) -> list[str]:
    """What `connect resolve` takes: keys of commands, numbers of deliveries and events, causes of alerts."""
    journal = _journal(ctx)
    try:
        stuck: dict[str, list[dict[str, Any]]] = journal.stuck()
    finally:
        journal.close()
    causes = [alert["cause"] for alert in stuck["alerts"]]
    own = ("cap:", "incident:")
    return [
        *(command["key"] for command in stuck["commands"]),
        *(f"delivery:{row['seq']}" for row in stuck["deliveries"]),
        *(f"event:{row['seq']}" for row in stuck["events"]),
        *(cause if cause.startswith(own) else f"alert:{cause}" for cause in causes),
    ]


def _kinds(_: click.Context) -> Iterable[str]:
    from caseconnect.sdk.commands import COMMANDS

    return COMMANDS


tenants = _completing(_known)
connections = _completing(lambda ctx: _of_tenant(ctx, "connection"))
flows = _completing(lambda ctx: _of_tenant(ctx, "flow"))
places = _completing(_places)
waiting = _completing(_waiting)
commands = _completing(_kinds)
