"""Plant each bug in a process of its own and look for it, until it is found. `make mutants`.

`hunt.py` tries all; `hunt.py NAME...` those; `hunt.py --in NAME SEARCH` is what the processes are started with.
A bug that no search finds has survived: the tests are too weak, and the run fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from planted import BUGS, Bug

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PATIENCE = 240.0
"""Seconds for one search."""


def search(where: str) -> int:
    """Look in this process. 0: nothing is wrong. 1: something is."""
    if where.startswith("sim "):
        from simulation.run import play_all

        _, first, count = where.split()
        met = play_all(iter(range(int(first), int(first) + int(count))))
        print(met.broken[0] if met.broken else f"{met.seeds} seeds found nothing")  # noqa: T201 - read by the hunter
        return bool(met.broken)
    import pytest

    return int(pytest.main(["-x", "-q", "--tb=line", "-p", "no:cacheprovider", "-p", "no:xdist", str(ROOT / where)]))


def hunted(bug: Bug) -> tuple[bool, str]:
    """Whether a search found it, and what was said."""
    began = time.monotonic()
    told = ""
    for where in bug.found_by:
        order = [sys.executable, str(HERE / "hunt.py"), "--in", bug.name, where]
        try:
            done = subprocess.run(order, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            told = f"{where} took too long"
            continue
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        if done.returncode == 1:
            said = next((x for x in lines if x.startswith(("FAILED", "seed ", "E  "))), lines[-1] if lines else "")
            return True, f"{time.monotonic() - began:5.0f} s  {where.rpartition('/')[2]}: {said.strip()[:160]}"
        told = f"{where}: {(lines or done.stderr.splitlines() or ['nothing'])[-1]}"
        if done.returncode:
            return False, f"the search itself failed ({done.returncode}): {told}"
    return False, f"SURVIVED: {told}"


def main(arguments: list[str]) -> int:
    """Hunt; the exit code."""
    if arguments[:1] == ["--in"]:
        BUGS[arguments[1]].plant()
        return search(arguments[2])
    wanted = [BUGS[name] for name in arguments] or list(BUGS.values())
    survivors = 0
    with ThreadPoolExecutor(max(1, min(2, os.cpu_count() or 1))) as pool:
        for bug, (found, told) in zip(wanted, pool.map(hunted, wanted), strict=True):
            survivors += not found
            print(f"{bug.name:38} {told}", flush=True)  # noqa: T201 - the report
    print(f"{len(wanted) - survivors} of {len(wanted)} planted bugs were found")  # noqa: T201 - as above
    return bool(survivors)


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / "tests" / "lib"), str(ROOT)]
    raise SystemExit(main(sys.argv[1:]))
