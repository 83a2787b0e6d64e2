"""A TCP proxy on loopback that a test can cut, freeze, make break after a number of bytes, or make far away."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from types import TracebackType


class Proxy:
    """Forwards every connection to one address; a context manager."""

    def __init__(
        self,
        address: str,
        port: int,
        *,
        cut_after: int | None = None,
        cuts_once: bool = False,
        delay: float = 0.0,
        halt_after: int | None = None,
    ) -> None:
        self._to = (address, port)
        #: seconds that each byte is under way, in each direction
        self._delay = delay
        #: all connections break when so many bytes went from the client to the server in one of them
        self._cut_after = cut_after
        #: and later ones do not
        self._cuts_once = cuts_once
        #: nothing passes any more when so many bytes went from clients to the server, over all connections
        self._halt_after = halt_after
        #: it has come to that
        self.halted = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._dropped: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._flows = threading.Event()
        self._flows.set()
        self.accepted = 0
        #: bytes from the client to the server, over all connections
        self.sent = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        return str(self._listener.getsockname()[0])

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def cut(self) -> None:
        """Break every connection; new ones are taken as before."""
        with self._lock:
            broken, self._open = self._open, []
        for one in broken:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """Break every connection and take no new ones."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        self._flows.set()

    def freeze(self) -> None:
        """Connections stay open; nothing passes any more."""
        self._flows.clear()

    def go_on(self, halt_after: int | None = None) -> None:
        """Things pass again after a halt, or a freeze; until the next halt, if there is to be one."""
        self._halt_after = halt_after
        self.halted.clear()
        self._flows.set()

    def drop(self) -> None:
        """Nothing passes on the present connections any more, and nobody is told; new ones are taken as before."""
        with self._lock:
            self._dropped.update(self._open)

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            server = socket.create_connection(self._to)
            with self._lock:
                self._open += [client, server]
            for source, sink, counts in ((client, server, True), (server, client, False)):
                sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._delay:
                    threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()
                    continue
                threading.Thread(target=self._pump, args=(source, sink, counts), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, counts: bool) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                if source in self._dropped:
                    continue
                if counts and self._cut_after is not None and passed + len(data) >= self._cut_after:
                    sink.sendall(data[: self._cut_after - passed])
                    self.sent += self._cut_after - passed
                    if self._cuts_once:
                        self._cut_after = None
                    self.cut()
                    break
                sink.sendall(data)
                passed += len(data)
                self.sent += len(data) if counts else 0
                if counts and self._halt_after is not None and self.sent >= self._halt_after:
                    self.freeze()
                    self.halted.set()
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        """As `_pump`, each piece late; what is under way does not hold up what comes after it."""
        under_way: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()

        def arrive() -> None:
            never = threading.Event()
            with contextlib.suppress(OSError):
                while True:
                    due, data = under_way.get()
                    never.wait(max(0.0, due - time.monotonic()))
                    if not data:
                        sink.shutdown(socket.SHUT_WR)
                        return
                    sink.sendall(data)

        threading.Thread(target=arrive, daemon=True).start()
        data = b""
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                under_way.put((time.monotonic() + self._delay, data))
        under_way.put((time.monotonic() + self._delay, b""))
