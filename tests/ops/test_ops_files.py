"""What is shipped for Prometheus and Grafana names metrics and labels that are told, and kinds that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ops_queries import GROUPS, dashboard, panels, queries, rules

from caseconnect.host.numbers.catalogue import METRICS
from caseconnect.sdk.commands import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
EXTRA = {"up": (), "process_resident_memory_bytes": (), "process_cpu_seconds_total": ()}
SUFFIX = re.compile("_(bucket|sum|count)$")
OURS = {"le", "job", "instance"}


def labels_of(name: str) -> set[str]:
    base = SUFFIX.sub("", name)
    if base in METRICS and (base == name) != (METRICS[base].kind == "histogram"):
        return {*METRICS[base].labels, *OURS}
    return {*EXTRA[name], *OURS}


def unknown(expression: str) -> list[str]:
    """What an expression names that is not told: metrics, and labels of them."""
    wrong: list[str] = []
    known: set[str] = set()
    for name, matchers in re.findall(r"\b((?:connect|process)_\w+|up\b)(\{[^}]*\})?", expression):
        try:
            labels = labels_of(name)
        except KeyError:
            wrong.append(name)
            continue
        known |= labels
        wrong += [
            f"{name}{{{label}}}" for label in re.findall(r'(\w+)\s*[=!]~?=?\s*"', matchers) if label not in labels
        ]
    wrong += [label for group in GROUPS.findall(expression) for label in group.split(", ") if label not in known]
    return wrong


@pytest.mark.parametrize("query", queries(), ids=lambda q: q.name)
def test_every_query_names_what_is_told(query: Any) -> None:
    assert unknown(query.expression) == []


def test_a_wrong_name_would_be_seen() -> None:
    assert unknown('sum by (tenannt) (connect_open{wat="x"}) + connect_opened') == [
        "connect_open{wat}",
        "connect_opened",
        "tenannt",
    ]
    assert unknown("connect_webhook_seconds") == ["connect_webhook_seconds"]
    assert unknown("connect_open_bucket") == ["connect_open_bucket"]


def test_what_a_text_shows_is_a_label_of_its_query() -> None:
    for rule in rules():
        shown = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
        grouped = {label for group in GROUPS.findall(rule["expr"]) for label in group.split(", ")}
        assert shown <= grouped, rule["alert"]
    for panel in panels():
        for target in panel["targets"]:
            grouped = {label for group in GROUPS.findall(target["expr"]) for label in group.split(", ")}
            named = re.findall(r"\b(?:connect|process)_\w+", target["expr"])
            told = grouped or {label for name in named for label in labels_of(name)}
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= told, panel["title"]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_every_rule_names_a_page_that_is_there(rule: Any) -> None:
    path, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    text = (ROOT / path).read_text(encoding="utf-8")
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^## (.+)$", text, re.MULTILINE)}
    assert not anchor or anchor in headings


def test_every_metric_is_looked_at_by_somebody() -> None:
    text = "".join(query.expression for query in queries())
    assert [name for name in METRICS if name not in text] == []


def test_rules_are_known_apart_and_say_what_to_do() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["action"]
    tests = yaml.safe_load((ROOT / "ops/prometheus/alerts_test.yml").read_text())
    fired = {
        name for test in tests["tests"] for name in re.findall(r'alertname="(\w+)"', json.dumps(test).replace("\\", ""))
    }
    assert fired == set(names), "ops/prometheus/alerts_test.yml shows each rule firing"


def test_kinds_of_money_are_those_of_the_code() -> None:
    (rule,) = [rule for rule in rules() if rule["alert"] == "ConnectMoneyUnknown"]
    (named,) = re.findall(r'kind=~"([^"]+)"', rule["expr"])
    assert named.split("|") == sorted(kind for kind, command in COMMANDS.items() if command.money)


def test_the_dashboard_is_one_that_grafana_draws() -> None:
    board = dashboard()
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    places = [tuple(panel["gridPos"][key] for key in "xywh") for panel in board["panels"]]
    for number, (x, y, w, h) in enumerate(places):
        assert x + w <= 24
        beside = places[number + 1 :]
        assert not [p for p in beside if x < p[0] + p[2] and p[0] < x + w and y < p[1] + p[3] and p[1] < y + h]
    assert {v["name"] for v in board["templating"]["list"]} == {"datasource", "tenant"}
    assert all(panel["datasource"]["uid"] == "${datasource}" for panel in panels())
