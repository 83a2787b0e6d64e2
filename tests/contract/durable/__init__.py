"""What every transport promises of durable runs. A subclass of DurableContract gives `site`, and may give `lose`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.durable.ending import EndingContract
from tests.contract.durable.following import FollowingContract
from tests.contract.durable.running import RunningContract
from tests.contract.durable.site import Durable, Lose, lost_by_its_follower
from tests.contract.transport.site import Site


class DurableContract(RunningContract, FollowingContract, EndingContract):
    """Promises of base.py about `spec.durable`."""

    @pytest.fixture
    def durable(self, site: Site, tmp_path: Path) -> Durable:
        base = tmp_path / "spools"
        base.mkdir(mode=0o755)
        return Durable(site, base)

    @pytest.fixture
    def lose(self) -> Lose:
        return lost_by_its_follower
