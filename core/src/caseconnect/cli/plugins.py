"""`connect list-plugins`."""

from __future__ import annotations

from typing import Any

import click

from caseconnect.cli import Exit
from caseconnect.cli.output import emit_json, remark, say, table
from caseconnect.host.plugins import DISABLED_VARIABLE, Installed, Plugin, load
from caseconnect.sdk import SDK_VERSION


@click.command("list-plugins")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--strict", is_flag=True, help="Exit 1 if a plugin is broken.")
@click.pass_context
def list_plugins(ctx: click.Context, as_json: bool, strict: bool) -> None:
    """List installed plugins, the broken ones with the reason.

    \b
    connect list-plugins --strict
    """
    installed = load()
    if as_json:
        emit_json({"sdk": SDK_VERSION, "plugins": [_data(p) for p in installed.plugins]})
    else:
        _show(installed)
    for name in installed.unknown_disabled:
        remark(f"{DISABLED_VARIABLE} names {name!r}, which is not installed")
    if strict and any(p.broken for p in installed.plugins):
        ctx.exit(Exit.WRONG)


def _show(installed: Installed) -> None:
    if not installed.plugins:
        say("no plugin is installed")
        return
    rows = [(p.name, p.version, p.distribution, _offers(p), p.stability, _state(p)) for p in installed.plugins]
    table(("Plugin", "Version", "Distribution", "Offers", "Stability", "State"), rows)
    for plugin in installed.plugins:
        if plugin.broken:
            say(f"{plugin.name} is broken: {plugin.broken}")


def _offers(plugin: Plugin) -> str:
    kinds: dict[str, list[str]] = {}
    for offer in plugin.offers if not plugin.broken else ():
        ways = ", ".join(f"{way} is {stability}" for way, stability in offer.ways.items())
        kinds.setdefault(offer.name, []).append(f"{offer.kind} ({ways})" if ways else offer.kind)
    return "; ".join(f"{name}: {', '.join(found)}" for name, found in kinds.items())


def _state(plugin: Plugin) -> str:
    if plugin.disabled:
        return "off"
    return "broken" if plugin.broken else "ok"


def _data(plugin: Plugin) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "version": plugin.version,
        "distribution": plugin.distribution,
        "offers": [] if plugin.broken else [vars(o) for o in plugin.offers],
        "stability": plugin.stability,
        "state": _state(plugin),
        "broken": plugin.broken,
    }
