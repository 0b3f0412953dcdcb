"""`connect new-plugin`."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import click
from jinja2 import Environment, StrictUndefined

from caseconnect import __version__
from caseconnect.cli.output import emit_json, say
from caseconnect.cli.places import json_option
from caseconnect.host.plugins import load
from caseconnect.sdk import SDK_VERSION

_NAME = re.compile(r"[a-z][a-z0-9_]{1,29}\Z")


@click.command("new-plugin")
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Folder to write the package's folder to.  [default: here]",
)
@json_option
def new_plugin(name: str, into: Path, as_json: bool) -> None:
    """Write a new plugin package that passes its tests.

    NAME is the platform's name, as tenant files will write it. The package holds a small source, sink, trigger and
    simulator that work, and the contract tests of Connect. No existing file is touched.

    \b
    connect new-plugin my_shop --into ..
    """
    if not _NAME.match(name):
        raise click.BadParameter("lower case letters, digits and '_', a letter first, 2 to 30", param_hint="NAME")
    taken = next((p for p in load().plugins if p.name == name), None)
    if taken:
        raise click.BadParameter(f"{taken.distribution} has a plugin of this name already", param_hint="NAME")
    package, folder = f"connect_{name}", into / name
    if folder.exists():
        raise click.ClickException(f"{folder} exists already: choose another name or --into another folder")
    values = {
        "name": name,
        "package": package,
        "distribution": f"connect-plugin-{name.replace('_', '-')}",
        "version": __version__,
        "sdk": SDK_VERSION,
    }
    try:
        written = _write(folder, package, name, values)
    except OSError as error:
        raise click.ClickException(f"{folder} cannot be written: {error.strerror}") from None
    if as_json:
        emit_json({"folder": str(folder), "files": [str(path) for path in written]})
        return
    for path in written:
        say(str(path))
    say(f"Next: cd {folder}, then `pytest`; the README there says how to go on.")


def _write(folder: Path, package: str, name: str, values: dict[str, str]) -> list[Path]:
    places = {
        "pyproject.toml": Path("pyproject.toml"),
        "README.md": Path("README.md"),
        "test_contract.py": Path("tests") / f"test_{name}_contract.py",
    }
    modules = ("__init__", "plugin", "config", "client", "source", "sink", "simulator")
    places |= {f"{m}.py": Path("src") / package / f"{m}.py" for m in modules}
    # The output is source code, not HTML: escaping would spoil it.
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701
    written = []
    for template, place in places.items():
        text = files("caseconnect.cli").joinpath("template", f"{template}.jinja").read_text(encoding="utf-8")
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(environment.from_string(text).render(values), encoding="utf-8")
        written.append(target)
    return written
