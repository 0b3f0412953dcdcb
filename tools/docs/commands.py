"""The help of every command, as the command itself prints it."""

from __future__ import annotations

import click

from caseconnect.cli import EXIT_CODES, FOREIGN_GROUP, foreign_commands, main
from tools.docs.markdown import code, fence, table
from tools.docs.workspace import members

_WIDTH = 100


def commands() -> str:
    """A section for each command of the workspace."""
    settings = {**main.context_settings, "terminal_width": _WIDTH}
    top = click.Context(main, info_name="connect", **settings)
    ours = {m.name for m in members()}
    sections = []
    for name in main.list_commands(top):
        foreign = foreign_commands().get(name)
        if foreign is not None and (foreign.dist is None or foreign.dist.name not in ours):
            continue
        command = main.get_command(top, name)
        if command is None:
            raise LookupError(f"no command {name!r} in group {FOREIGN_GROUP}")
        context = click.Context(command, info_name=name, parent=top, terminal_width=_WIDTH)
        sections.append(f"## connect {name}\n\n{fence(command.get_help(context), 'text')}")
    return "\n\n".join(sections)


def exit_codes() -> str:
    """A table of the exit codes."""
    return table(("code", "means"), [(code(c.value), text) for c, text in EXIT_CODES.items()])
