"""What a service manager is told (sd_notify(3)): ready, stopping, still alive. Nothing where none asks."""

from __future__ import annotations

import logging
import os
import socket
from datetime import timedelta

log = logging.getLogger(__name__)


class Notifier:
    """Speaks to `NOTIFY_SOCKET`. Takes it out of the environment: the commands of targets are not this service."""

    def __init__(self) -> None:
        self._address = os.environ.pop("NOTIFY_SOCKET", "")
        watchdog, pid = os.environ.pop("WATCHDOG_USEC", ""), os.environ.pop("WATCHDOG_PID", "")
        is_ours = pid in ("", str(os.getpid()))
        #: how often `alive` is expected, halved; None: nobody watches
        self.interval = (
            timedelta(microseconds=int(watchdog) // 2) if self._address and watchdog.isdigit() and is_ours else None
        )

    def ready(self, status: str) -> None:
        self._tell(f"READY=1\nMAINPID={os.getpid()}\nSTATUS={status}")

    def alive(self) -> None:
        self._tell("WATCHDOG=1")

    def stopping(self, within: timedelta) -> None:
        """It ends, and may take so long."""
        self._tell(f"STOPPING=1\nEXTEND_TIMEOUT_USEC={within // timedelta(microseconds=1)}\nSTATUS=draining")

    def _tell(self, message: str) -> None:
        if not self._address:
            return
        # an abstract name is written with @
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sending:
                sending.connect(address)
                sending.sendall(message.encode())
        except OSError as error:
            log.warning("the service manager can't be told %s: %s", message.partition("\n")[0], error)
