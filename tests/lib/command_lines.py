"""Command lines of `connect` parsed as the program would, without running anything."""

from __future__ import annotations

from collections.abc import Sequence

import click

from caseconnect.cli import main


def parsed(words: Sequence[str]) -> click.Context:
    """The command of these words (without `connect`), with its arguments. Raises `click.UsageError` as it would.

    Below the group, because click keeps the help option that a command is first asked with.
    """
    group = main.make_context("connect", [*words], resilient_parsing=True)
    name, command, rest = main.resolve_command(group, [*words])
    assert name is not None
    assert command is not None
    return command.make_context(name, rest, parent=click.Context(main, **main.context_settings))
