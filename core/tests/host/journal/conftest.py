from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from journal_desk import Desk


@pytest.fixture(scope="session")
def fresh_journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty journal with its schema: copied, which is quicker than made."""
    made = Desk(tmp_path_factory.mktemp("journal"))
    made.close()
    return made.path


@pytest.fixture
def desk(tmp_path: Path, fresh_journal: Path) -> Iterator[Desk]:
    shutil.copy(fresh_journal, tmp_path)
    made = Desk(tmp_path)
    yield made
    made.close()
