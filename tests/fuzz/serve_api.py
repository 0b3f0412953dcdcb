"""Serve the console's API over a journal with something in it, run a command against it, and end as that ends.

`python tests/fuzz/serve_api.py COMMAND...`: `{url}` and `{token}` in the command are put in.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from console_desk import ConsoleDesk, refund, tenant_with
from journal_desk import TENANT, case_of

from caseconnect.host.web.console.serving import listen


async def run(arguments: Sequence[str]) -> int:
    """The command's exit code; 1 as well where a page broke."""
    with TemporaryDirectory() as folder:
        desk = ConsoleDesk(Path(folder), tenants={TENANT: tenant_with({"money": {"day": {"EUR": "100"}}})})
        server = listen(desk.settings, desk.console, 0)
        serving = asyncio.create_task(server.serve())
        asked = {"name": "fuzz", "role": "approver", "by": "fuzz", "seconds": 86_400}
        token = (await desk.console.house.verbs.do("console_token", asked))["token"]
        fill(desk)
        url = f"http://127.0.0.1:{desk.console.house.port}"
        command = [part.format(url=url, token=token) for part in arguments]
        process = await asyncio.create_subprocess_exec(*command)
        code = await process.wait()
        server.should_exit = True
        await serving
        broken = [values for event, values in desk.log.lines if event == "page broke"]
        for values in broken[:5]:
            sys.stderr.write(f"broken: {values}\n")
        desk.close()
        return 1 if broken else code


def fill(desk: ConsoleDesk) -> None:
    """A parked refund, a case, a pause."""
    (key,) = desk.plan(desk.matter(), refund("20"))
    desk.send(key, "unknown")
    desk.settle(key, "parked")
    desk.plan(desk.matter("other"), case_of())
    desk.event()


if __name__ == "__main__":
    sys.exit(asyncio.run(run(sys.argv[1:])))
