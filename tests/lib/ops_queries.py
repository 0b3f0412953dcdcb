"""The queries that are shipped: of the dashboard and of the rules."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

OPS = Path(__file__).resolve().parents[2] / "ops"
GROUPS = re.compile(r"\bby \(([^)]*)\)")
_COMPARED = re.compile(r"\s(==|!=|>=|<=|>|<)\s*-?[\d.e]+\s*$")


@dataclass(frozen=True)
class Query:
    """One expression, and where it stands."""

    name: str
    expression: str

    def evaluated(self) -> str:
        """As a Prometheus can answer it: Grafana's variables filled in, and of a rule what it compares."""
        filled = self.expression.replace("$__rate_interval", "10s").replace('"$tenant"', '".*"')
        return _COMPARED.sub("", filled) if self.name.startswith("rule ") else filled


def dashboard() -> dict[str, Any]:
    """The dashboard for Grafana."""
    found: dict[str, Any] = json.loads((OPS / "grafana" / "connect.json").read_text())
    return found


def panels() -> list[dict[str, Any]]:
    """Its panels, without the headings."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def rules() -> list[dict[str, Any]]:
    """The rules for alerts."""
    text = yaml.safe_load((OPS / "prometheus" / "alerts.yml").read_text())
    return [rule for group in text["groups"] for rule in group["rules"]]


def queries() -> list[Query]:
    """All of them."""
    shown = [Query(f"panel {p['title']} {t['refId']}", t["expr"]) for p in panels() for t in p["targets"]]
    return shown + [Query(f"rule {rule['alert']}", rule["expr"]) for rule in rules()]
