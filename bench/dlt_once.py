"""Load changed orders with dlt, in a process and an environment of its own, which shares nothing with Connect.

    .tools/dlt/bin/python bench/dlt_once.py < asked.json

`asked` names the simulator, the windows of time to be read, and a folder. It prints one JSON line. dlt's `rest_api`
source asks the same search for the same fields; its own offset paginator walks each window, because no search goes
beyond 10,000 hits.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

TABLE = "orders"


def configuration(asked: dict[str, Any]) -> dict[str, Any]:
    """What the `rest_api` source is told: one resource for each window, all into one table."""
    return {
        "client": {
            "base_url": asked["base_url"],
            "auth": {
                "type": "oauth2_client_credentials",
                "access_token_url": asked["token_url"],
                "client_id": asked["client_id"],
                "client_secret": asked["client_secret"],
            },
        },
        "resources": [
            {
                "name": f"window_{number}",
                "table_name": TABLE,
                "write_disposition": "append",
                "endpoint": {
                    "path": "order_search",
                    "method": "POST",
                    "json": search(since, until, asked["select"]),
                    "data_selector": "hits[*].data",
                    "paginator": {
                        "type": "offset",
                        "limit": asked["page"],
                        "offset_body_path": "start",
                        "limit_body_path": "count",
                        "total_path": "total",
                    },
                },
            }
            for number, (since, until) in enumerate(asked["windows"])
        ],
    }


def search(since: str, until: str, select: str) -> dict[str, Any]:
    """An `order_search` for what changed in a window, oldest first. `until` is not in it."""
    bounds = {"field": "last_modified", "from": since, "to": until, "to_inclusive": False}
    return {
        "query": {"filtered_query": {"filter": {"range_filter": bounds}, "query": {"match_all_query": {}}}},
        "select": select,
        "sorts": [{"field": "last_modified", "sort_order": "asc"}],
    }


def load(asked: dict[str, Any]) -> dict[str, Any]:
    """Extract, normalize and load all windows into a DuckDB file."""
    # Here, so that what dlt is asked can be tested without it.
    import dlt
    from dlt.sources.rest_api import rest_api_source

    folder = Path(asked["folder"])
    pipeline = dlt.pipeline(
        pipeline_name="bench",
        pipelines_dir=str(folder / "pipelines"),
        destination=dlt.destinations.duckdb(str(folder / "orders.duckdb")),
        dataset_name="bench",
    )
    began, cpu = time.perf_counter(), time.process_time()
    pipeline.run(rest_api_source(configuration(asked)), loader_file_format=asked["format"])
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    with pipeline.sql_client() as client:
        stored = client.execute_sql(f"SELECT count(DISTINCT order_no) FROM {TABLE}")[0][0]  # noqa: S608 - our own name
    return {
        "stored": stored,
        "seconds": took,
        "cpu_seconds": cpu,
        "memory_peak_mb": peak_mb(),
        "version": f"dlt {version('dlt')}, duckdb {version('duckdb')}",
    }


def peak_mb() -> float:
    """Most resident memory so far. Not getrusage's, which begins with that of the process that started us."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def main() -> None:
    """The command line."""
    asked = json.load(sys.stdin)
    os.environ |= {"DLT_DATA_DIR": asked["folder"], "RUNTIME__DLTHUB_TELEMETRY": "false"}
    sys.stdout.write(json.dumps(load(asked)) + "\n")


if __name__ == "__main__":
    main()
