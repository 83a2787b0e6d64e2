"""What has come from a Carrier before the mark that is waited for."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from deployx_tui.model.execution import Stream
from deployx_tui.transports.posix.carrier import Carrier

#: a cancel is noticed this late at most; a thread that waits wakes so often
LOOK = 0.2
#: login noise that is kept for a diagnosis
NOISE_BYTES = 64 * 1024


class Heard:
    """Both streams, apart."""

    def __init__(self) -> None:
        self.stdout, self.stderr = bytearray(), bytearray()
        self.at = datetime.now(UTC)

    def take(self, carrier: Carrier, until: float) -> bool:
        """Add what comes next; False when nothing more will come, or the time is up."""
        while True:
            piece = carrier.read()
            if piece is not None:
                stream, data = piece
                kept = self.stdout if stream is Stream.STDOUT else self.stderr
                kept += data
                # noise without end is not kept without end; a mark that is cut here is not found
                del kept[: max(0, len(kept) - NOISE_BYTES - len(data))]
                self.at = datetime.now(UTC)
                return True
            left = until - time.monotonic()
            if carrier.is_over or left <= 0:
                return False
            carrier.wait(min(left, LOOK))
