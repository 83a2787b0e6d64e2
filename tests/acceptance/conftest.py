"""Every promise runs in one cell that a seed chooses; the other cells are long. DEPLOYX_TEST_SEED chooses others."""

from __future__ import annotations

import os
import random
from collections import defaultdict
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before `-m` is heeded
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    chance = random.Random(os.environ.get("DEPLOYX_TEST_SEED", "954"))
    cells: dict[tuple[str, str], list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.path.is_relative_to(HERE) and item.get_closest_marker("long") is None:
            cells[item.path.name, item.nodeid.partition("[")[0]].append(item)
    for of_one_promise in cells.values():
        chosen = chance.choice(of_one_promise)
        for item in of_one_promise:
            if item is not chosen:
                item.add_marker(pytest.mark.long)
