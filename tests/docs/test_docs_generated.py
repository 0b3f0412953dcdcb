"""The generated parts of the docs are in step, and what is not generated names things that exist."""

from __future__ import annotations

import asyncio
import inspect
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from tools.docs.__main__ import main
from tools.docs.blocks import BlockError, fill
from tools.docs.commands import commands
from tools.docs.generators import BLOCKS
from tools.docs.workspace import ROOT, documents, installed, members

from caseconnect import __version__
from caseconnect.cli import main as connect
from caseconnect.host import pipeline_thread
from caseconnect.host.journal.states import TRANSITIONS
from caseconnect.host.plugin_rules import HOOKS
from caseconnect.host.rehearsal.reading import read_text
from caseconnect.host.rehearsal.trying import try_out
from caseconnect.host.tenants import load_files
from caseconnect.sdk import errors, hookspecs

DOCUMENTS = [d.relative_to(ROOT).as_posix() for d in documents()]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_docs_are_in_step_with_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().out


def test_the_help_does_not_depend_on_the_terminal() -> None:
    environment = os.environ | {"COLUMNS": "43", "LINES": "7", "TERM": "dumb", "LC_ALL": "C", "NO_COLOR": "1"}
    code = "import sys; from tools.docs.commands import commands; sys.stdout.buffer.write(commands().encode())"
    command = [sys.executable, "-c", code]
    told = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
    assert told.stdout.decode() == commands()


def test_check_names_what_is_out_of_step_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "docs" / "reference" / "page.md"
    page.parent.mkdir(parents=True)
    stale = "before\n<!-- generated: exit-codes -->\nold\n<!-- /generated -->\nafter\n"
    page.write_text(stale)
    (tmp_path / "README.md").write_text("nothing generated\n")
    assert main(["--check"], tmp_path) == 1
    assert capsys.readouterr().out == "docs/reference/page.md: out of step with the code; run `make docs`\n"
    assert page.read_text() == stale
    assert main([], tmp_path) == 0
    assert capsys.readouterr().out == "wrote docs/reference/page.md\n"
    text = page.read_text()
    assert text.startswith("before\n<!-- generated: exit-codes -->\n\n| code | means |\n")
    assert text.endswith("|\n\n<!-- /generated -->\nafter\n")
    assert main(["--check"], tmp_path) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<!-- generated: one -->\n", "no end"),
        ("<!-- /generated -->\n", "without a beginning"),
        ("<!-- generated: one -->\n<!-- generated: one -->\n<!-- /generated -->", "has not ended"),
        ("x\n<!-- generated: two -->\n<!-- /generated -->", r"page\.md:2: no block 'two'; there are: one"),
        ("<!-- generated: one more -->\n<!-- /generated -->", "do not fit"),
        ("<!-- generated:one -->\n<!-- /generated -->", "write <!-- generated: NAME"),
    ],
)
def test_a_wrong_marker_is_named_with_its_line(text: str, said: str) -> None:
    with pytest.raises(BlockError, match=said):
        fill(text, {"one": lambda: "made"}, "page.md")


def test_a_block_written_twice_stays_the_same() -> None:
    once = fill("a\n<!-- generated: one -->\n<!-- /generated -->\nb\n", {"one": lambda: "made"}, "page.md")
    assert fill(once, {"one": lambda: "made"}, "page.md") == once


def test_every_hook_is_documented_with_its_exact_signature_and_text() -> None:
    page = read("docs/plugins.md")
    source = inspect.getsource(hookspecs)
    assert len(HOOKS) == source.count("@hookspec\n")
    for name, hook in HOOKS.items():
        written = re.search(rf"^(def {name}\(.*\) -> None):$", source, re.MULTILINE)
        assert written, name
        assert f"### {name}\n\n```python\n{written[1]}\n```\n" in page
        for line in (inspect.getdoc(hook) or "").splitlines():
            assert line in page, f"{name}: {line}"


def test_every_state_is_explained() -> None:
    means = read("docs/reference/states.md").partition("| state | means |")[2]
    assert set(re.findall(r"^\| `(\w+)` \|", means, re.MULTILINE)) == set(TRANSITIONS)


@pytest.mark.parametrize(("page", "but"), [("CONTRIBUTING.md", set()), ("docs/plugins.md", {"ConnectError"})])
def test_the_table_of_errors_names_every_class(page: str, but: set[str]) -> None:
    rows = re.findall(r"^\| .+ \| `(\w+)`", read(page), re.MULTILINE)
    classes = {n for n, c in vars(errors).items() if inspect.isclass(c) and issubclass(c, Exception)}
    assert set(rows) & {n for n in rows if n.endswith(("Error", "Outcome"))} == classes - but


def test_the_changelogs_newest_version_is_that_of_the_code() -> None:
    versions = re.findall(r"^## \[([^\]]+)\]", read("CHANGELOG.md"), re.MULTILINE)
    assert versions[0] == __version__


def test_the_time_to_end_in_good_order_is_as_told() -> None:
    assert f"may end within {pipeline_thread._DRAIN:g} seconds" in read("docs/operations.md")


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(r"^- \[(\d+)\. (.+)\]\((.+)\)$", read("docs/decisions/README.md"), re.MULTILINE)
    files = sorted(f.name for f in folder.glob("[0-9]*.md"))
    assert [name for _, _, name in listed] == files
    for place, (number, title, name) in enumerate(listed, 1):
        assert int(number) == int(name[:4]) == place
        assert (folder / name).read_text().startswith(f"# {number}. {title}\n")


def anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", read(name)):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        place = (ROOT / name).parent / path if path else ROOT / name
        assert place.exists(), f"{name}: {target}"
        assert not anchor or anchor in anchors(place.read_text()), f"{name}: {target}"


def connect_lines(text: str) -> list[str]:
    """Command lines of `connect`: in fenced blocks, and inline where options are given."""
    fenced = [
        line for block in re.findall(r"^```(?:sh|console)\n(.*?)^```", text, re.M | re.S) for line in block.split("\n")
    ]
    inline = re.findall(r"`(connect [a-z-]+(?: [^`]+)?)`", text)
    found = [line.removeprefix("$ ").removesuffix(" &") for line in [*fenced, *inline]]
    return [line for line in found if re.match(r"connect [a-z]", line)]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_commands_in_the_docs_exist_with_their_options(name: str) -> None:
    top = click.Context(connect, info_name="connect")
    for line in connect_lines(read(name)):
        words = shlex.split(line, comments=True)[1:]
        command = connect.get_command(top, words[0])
        assert command is not None, f"{name}: {line}"
        known = {o for p in command.params for o in p.opts} | {"--help"}
        asked = {w.partition("=")[0] for w in words[1:] if w.startswith("-")}
        assert asked <= known, f"{name}: {line}: {asked - known}"


def test_every_kind_of_block_is_used() -> None:
    used = {name for d in DOCUMENTS for name in re.findall(r"^<!-- generated: ([a-z-]+)", read(d), re.MULTILINE)}
    assert used == set(BLOCKS)


def examples() -> list[tuple[str, str]]:
    """(document, YAML) of every example; a README's own is that of a plugin or of the whole."""
    return [(d, y) for d in DOCUMENTS for y in re.findall(r"^```yaml[^\n]*\n(.*?)^```", read(d), re.M | re.S)]


WHOLE = [(d, y) for d, y in examples() if y.startswith("tenant:")]
PARTS = [(d, y) for d, y in examples() if y.startswith(("connections:", "flows:"))]


@pytest.mark.parametrize(("name", "text"), WHOLE, ids=[d for d, _ in WHOLE])
def test_tenant_files_in_the_docs_are_right(name: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / "acme.yaml"
    file.write_text(text)
    assert [str(p) for p in load_files([file], installed()).problems] == []


DESK = """\
  desk:
    platform: inbound
    settings:
      secret: {env: DESK_SECRET}
      orders: shop
      kinds: {complaint: {}, warranty_claim: {}, dispute: {}, approval_request: {}}
"""
"""Beside the shop and the cases: where what no platform keeps comes in."""


@pytest.mark.parametrize(("name", "text"), PARTS, ids=[d for d, _ in PARTS])
def test_connections_and_flows_in_the_docs_have_right_settings(name: str, text: str, tmp_path: Path) -> None:
    head = "tenant: acme\nenvironment: test\n"
    if text.startswith("flows:"):
        head += WHOLE[0][1].partition("flows:")[0].partition("environment: test\n")[2] + DESK
    file = tmp_path / "acme.yaml"
    file.write_text(head + text)
    assert [str(p) for p in load_files([file], installed()).problems] == []


@pytest.mark.parametrize("text", [y for _, y in examples() if y.startswith("- name:")])
def test_tests_of_tenants_in_the_docs_pass(text: str, tmp_path: Path) -> None:
    file = tmp_path / "acme.yaml"
    file.write_text(next(y for d, y in WHOLE if d == "docs/tenant-files.md"))
    tenant = load_files([file], installed()).tenants["acme"]
    tests, problems = read_text(text.encode(), "acme.tests.yaml", tenant)
    assert [str(p) for p in problems] == []
    for one in tests:
        assert asyncio.run(try_out(tenant, one)).problems == ()


def test_there_are_examples() -> None:
    assert "docs/planning.md" in {d for d, y in examples() if y.startswith("- name:")}
    assert {"README.md", "docs/tenant-files.md"} <= {d for d, _ in WHOLE}
    assert len(PARTS) >= 5


def test_every_distribution_is_named_in_the_readme_or_is_the_demo() -> None:
    readme = read("README.md")
    for member in members():
        assert member.name in readme or f"{member.folder.relative_to(ROOT)}/" in readme
