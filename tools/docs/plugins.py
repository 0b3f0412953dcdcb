"""What the plugins of the workspace offer."""

from __future__ import annotations

from caseconnect.host.plugins import Plugin
from tools.docs.markdown import code, table
from tools.docs.workspace import ROOT, installed, members

_REPEAT = {
    "key": "resent with its key within the key window, looked at after it",
    "state": "read, then sent if still wanted",
    "read": "looked at after the quiet time; once more if it is not there",
    "person": "a person decides",
}
_REPEAT_OF_MONEY = {
    **_REPEAT,
    **dict.fromkeys(("state", "read"), "looked at after the quiet time; a person decides if it is not there"),
}


def plugins() -> str:
    """A table of all plugins."""
    folders = {m.name: m.folder.relative_to(ROOT).as_posix() for m in members()}
    rows = [
        (
            f"[{code(p.name)}]({folders[p.distribution]}/README.md)",
            code(p.distribution),
            _kinds(p),
            _says(p),
            p.stability,
        )
        for p in installed().plugins
    ]
    return table(("plugin", "distribution", "offers", "what it is", "stability"), rows)


def platform_commands(platform: str) -> str:
    """A table of a sink's commands and how a repeat of each is safe."""
    sink = installed().sinks[platform]
    kinds = sorted(sink.commands.items(), key=lambda entry: entry[0].kind)
    rows = [
        (code(c.kind), f"{repeat.name}: {(_REPEAT_OF_MONEY if c.money else _REPEAT)[repeat.value]}")
        for c, repeat in kinds
    ]
    return table(("command", "after an unknown outcome"), rows)


def _kinds(plugin: Plugin) -> str:
    kinds = list(dict.fromkeys(o.kind for o in plugin.offers))
    return ", ".join("use case" if k == "transform" else k for k in kinds)


def _says(plugin: Plugin) -> str:
    return plugin.offers[0].summary.rstrip(".") if plugin.offers else ""
