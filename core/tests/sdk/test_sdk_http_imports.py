"""What importing the HTTP module must not cost."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import sys
import caseconnect.sdk.http
from importlib.util import find_spec
absent = sys.modules.get("sniffio", "unknown") is None
print("rich" in sys.modules, absent or (sys.modules["sniffio"] is not None))
"""


def test_no_command_line_is_loaded_and_absent_modules_are_known_to_be_absent() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
