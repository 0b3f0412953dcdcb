"""`python -m tools.docs`: write what the docs take from the code. With `--check`, only say what is out of step."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.docs.blocks import BlockError, fill
from tools.docs.generators import BLOCKS
from tools.docs.workspace import ROOT, documents


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Write the documents, or with `--check` name those out of step and answer 1."""
    parser = argparse.ArgumentParser(prog="python -m tools.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a document is out of step")
    check = parser.parse_args(arguments).check
    stale = []
    for path in documents(root):
        name = path.relative_to(root).as_posix()
        held = path.read_text(encoding="utf-8")
        try:
            wanted = fill(held, BLOCKS, name)
        except BlockError as error:
            sys.stderr.write(f"{error}\n")
            return 2
        if wanted == held:
            continue
        stale.append(name)
        if not check:
            path.write_text(wanted, encoding="utf-8")
    for name in stale:
        sys.stdout.write(f"{name}: out of step with the code; run `make docs`\n" if check else f"wrote {name}\n")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
