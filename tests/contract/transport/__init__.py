"""What every transport promises: written against the protocol of base.py, run by each transport's own test module.

A subclass of TransportContract gives a `site` fixture.
"""

from __future__ import annotations

from tests.contract.transport.commands import CommandContract
from tests.contract.transport.ending import EndingContract
from tests.contract.transport.facts import FactsContract
from tests.contract.transport.files import FilesContract
from tests.contract.transport.output import OutputContract
from tests.contract.transport.scripts import ScriptContract


class TransportContract(CommandContract, OutputContract, ScriptContract, EndingContract, FactsContract, FilesContract):
    """All promises. `site` comes from the subclass."""
