"""Options that many commands share: where the tenant files and the data are."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

tenants_option = click.option(
    "--tenants",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("tenants"),
    envvar="CONNECT_TENANTS",
    show_default=True,
    show_envvar=True,
    help="Folder of tenant files.",
)
data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data"),
    envvar="CONNECT_DATA",
    show_default=True,
    show_envvar=True,
    help="Folder of the journal.",
)
config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="CONNECT_CONFIG",
    show_envvar=True,
    help="The daemon's own file.  [default: connect.yaml, where there is one]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
reason_option = click.option("--reason", required=True, help="Why: it is kept with your name.")
by_option = click.option("--by", default=lambda: somebody(), help="Your name.  [default: the user of this machine]")


def journal_path(data: Path) -> Path:
    """The journal's file in a data folder."""
    return data / "journal.db"


def somebody() -> str:
    """The user of this machine."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
