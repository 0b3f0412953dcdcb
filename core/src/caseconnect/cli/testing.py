"""`connect test`: a tenant's own tests."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from caseconnect.cli import Exit
from caseconnect.cli.output import complain, emit_json, remark, say
from caseconnect.cli.places import data_option, journal_path, json_option, tenants_option
from caseconnect.cli.planning import read_tenant
from caseconnect.sdk.errors import ConfigError, ConnectError

if TYPE_CHECKING:
    from caseconnect.host.rehearsal.trying import Result
    from caseconnect.host.tenants import Tenant


@click.command("test")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--record", "subject", metavar="SUBJECT", help="Print a test made of what really came for it.")
@tenants_option
@data_option
@json_option
@click.pass_context
def test(ctx: click.Context, file: Path | None, subject: str | None, tenants: Path, data: Path, as_json: bool) -> None:
    """Play a tenant's own tests: given events, facts and a clock, these cases and commands are expected.

    The tests of tenants/acme.yaml are in tenants/acme.tests.yaml. Without FILE those of every tenant in --tenants are
    played. Needs no secret, no network and no journal.

    --record takes the events of an order, a case or another subject from the journal and prints a test of them, with
    personal data replaced and free text cleared. Read it before you keep it.

    \b
    connect test tenants/acme.yaml
    connect test tenants/acme.yaml --record shop/order/5001 >> tenants/acme.tests.yaml
    """
    if subject is not None:
        if file is None:
            raise click.UsageError("say whose: connect test FILE --record SUBJECT")
        _record(read_tenant(file), subject, data)
        return
    files = [file] if file else _with_tests(tenants)
    played = [_play(read_tenant(one)) for one in files]
    if as_json:
        emit_json([_data(tenant, results) for tenant, results in played])
    else:
        for tenant, results in played:
            _show(tenant, results)
    if any(result.problems for _, results in played for result in results):
        ctx.exit(Exit.WRONG)


def _with_tests(folder: Path) -> list[Path]:
    from caseconnect.host.rehearsal.reading import tests_beside

    files = sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]) if folder.is_dir() else []
    found = [file for file in files if tests_beside(file).exists()]
    if not found:
        raise ConfigError(f"{folder}: no tenant has tests: write NAME.tests.yaml beside NAME.yaml")
    return found


def _play(tenant: Tenant) -> tuple[Tenant, list[Result]]:
    from caseconnect.host.rehearsal.reading import read_tests, tests_beside
    from caseconnect.host.rehearsal.trying import try_out

    tests, problems = read_tests(tests_beside(tenant.file), tenant)
    if problems:
        raise ConfigError("\n".join(map(str, problems)))

    async def all_of_them() -> list[Result]:
        return [await try_out(tenant, one) for one in tests]

    return tenant, asyncio.run(all_of_them())


def _record(tenant: Tenant, text: str, data: Path) -> None:
    from caseconnect.host.journal import SqliteJournal
    from caseconnect.host.rehearsal.recording import record
    from caseconnect.sdk.subjects import Subject

    journal = SqliteJournal.read(journal_path(data))
    try:
        found = sorted({subject for name, subject in journal.find(text) if name == tenant.name})
        if len(found) != 1:
            known = f"it may be {', '.join(found)}: give one of them" if found else "nothing is known of it"
            raise ConnectError(f"{tenant.name}, {text!r}: {known}")
        recorded = asyncio.run(record(tenant, journal, Subject.parse(found[0])))
    finally:
        journal.close()
    click.echo(recorded.text, nl=False)
    for one in recorded.remarks:
        remark(one)


def _show(tenant: Tenant, results: list[Result]) -> None:
    from caseconnect.host.rehearsal.reading import tests_beside

    for result in results:
        if not result.problems:
            say(f"ok      {result.name}")
            continue
        say(f"FAILED  {result.name} ({tests_beside(tenant.file)}:{result.line})")
        for problem in result.problems:
            say(f"        {problem}")
        for use, reason in result.said:
            say(f"          {use}: {reason}")
    failed = sum(bool(result.problems) for result in results)
    if failed:
        complain(f"{tenant.name}: {failed} of {len(results)} tests failed")
    else:
        say(f"{tenant.name}: {len(results)} tests passed")


def _data(tenant: Tenant, results: list[Result]) -> dict[str, Any]:
    tests = [
        {
            "name": result.name,
            "line": result.line,
            "passed": not result.problems,
            "problems": list(result.problems),
            "said": [{"use": use, "reason": reason} for use, reason in result.said],
            "asked": [asked.as_json() for asked in result.asked],
        }
        for result in results
    ]
    return {"tenant": tenant.name, "file": str(tenant.file), "tests": tests}
