"""Every `connect ...` that a page tells has that command and these options; every YAML block reads."""

from __future__ import annotations

import re
import shlex

import click
import pytest
import yaml
from tools.docs.workspace import ROOT
from tools.site_pages import sources

from caseconnect.cli import main

PAGES = sorted(file for file in sources() if file != "CHANGELOG.md")
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def told(file: str) -> list[str]:
    """The commands of a page, in blocks and in the text, each from `connect` to its end."""
    text = (ROOT / file).read_text(encoding="utf-8")
    blocks = [block.replace("\\\n", " ") for _, block in _FENCE.findall(text)]
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines()]
    inline = [code.replace("\n", " ") for code in re.findall(r"`([^`]+)`", _FENCE.sub("", text))]
    bare = [re.sub(r"^(sudo -u connect )?(/opt/connect/bin/)?connect ", "connect ", line) for line in (*lines, *inline)]
    return [line for line in bare if re.match(r"connect [a-z]", line)]


def wrong(line: str) -> str:
    """What the command line has that there is not; empty when all is there."""
    line = re.sub(r"\s+[|>&].*|\s*\([^)]*$|\$\([^)]*\)", "", line)
    line = re.sub(r"\[([^\]]*)\]", r"\1", line.replace("...", ""))
    words = shlex.split(line.partition("connect ")[2].replace("'", ""))
    found = main.get_command(click.Context(main), words[0])
    if found is None:
        return f"there is no command {words[0]}"
    while isinstance(found, click.Group) and len(words) > 1 and (below := found.commands.get(words[1])):
        found, words = below, words[1:]
    known = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
    given = {word.partition("=")[0] for one in words[1:] for word in one.split("|") if word.startswith("--")}
    return ", ".join(sorted(given - known - {"--help"}))


@pytest.mark.parametrize("file", PAGES)
def test_every_command_that_is_told_is_there(file: str) -> None:
    assert [(line, why) for line in told(file) if (why := wrong(line))] == []


def test_it_finds_commands() -> None:
    lines = [line for file in PAGES for line in told(file)]
    assert len(lines) > 100
    assert wrong("connect pausee --tenant acme") == "there is no command pausee"
    assert wrong("connect pause --tenat acme") == "--tenat"


def test_a_pause_that_is_to_end_is_ended() -> None:
    lines = [(file, line) for file in PAGES for line in told(file) if line.startswith("connect resume ")]
    assert len(lines) > 5
    # Without --yes it only shows what waits, reason or not.
    assert [(file, line) for file, line in lines if "--reason" in line and "--yes" not in line] == []


@pytest.mark.parametrize("file", PAGES)
def test_every_yaml_block_reads(file: str) -> None:
    for language, block in _FENCE.findall((ROOT / file).read_text(encoding="utf-8")):
        if language in {"yaml", "yml"}:
            yaml.safe_load(block)
