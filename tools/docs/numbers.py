"""The metrics, from the catalogue that the daemon makes them by."""

from __future__ import annotations

from caseconnect.host.numbers.catalogue import METRICS
from tools.docs.markdown import code, codes, table


def metrics() -> str:
    """Every metric with its kind, labels and meaning."""
    rows = [(code(name), metric.kind, codes(metric.labels), metric.text) for name, metric in METRICS.items()]
    return table(("metric", "kind", "labels", "what it says"), rows)
