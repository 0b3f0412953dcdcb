"""What commands print: tables for people, JSON for programs, errors in one line. Nothing asks a question."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
import orjson


def emit_json(data: Any) -> None:
    """Plain data as indented JSON on standard output."""
    click.echo(orjson.dumps(data, option=orjson.OPT_INDENT_2).decode())


def say(text: str) -> None:
    """One line of the answer, on standard output."""
    click.echo(clean(text))


def remark(text: str) -> None:
    """Something beside the answer, on standard error."""
    click.echo(clean(text), err=True)


def complain(text: str) -> None:
    """An error, on standard error."""
    click.echo(f"Error: {clean(text)}", err=True)


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "", width: int | None = None
) -> None:
    """A table on standard output. On a terminal it fits the width; elsewhere no line is broken, unless `width` says."""
    from rich.box import SIMPLE_HEAD  # here, because rich takes longer to import than most commands to run
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    made = Table(box=SIMPLE_HEAD, title=title or None, title_justify="left", title_style="bold", pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(Text(clean(str(cell))) for cell in row))
    terminal = sys.stdout.isatty()
    console = Console(file=sys.stdout, highlight=False, width=width or (None if terminal else 10_000))
    with console.capture() as captured:
        console.print(made)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def clean(text: str) -> str:
    """The text without characters that could steer a terminal or hide others; lines stay."""
    return "".join(c if c == "\n" or unicodedata.category(c) not in {"Cc", "Cf", "Cs"} else "\ufffd" for c in text)


def moment(stamp: str) -> str:
    """A journal's time as tables show it: UTC, to the second."""
    return stamp[:19].replace("T", " ")


@contextmanager
def progress(doing: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, told how far it is; without a terminal nothing is shown. `total` None: not known."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(clean(doing), total=total)
        yield lambda done: bar.update(task, completed=done)
