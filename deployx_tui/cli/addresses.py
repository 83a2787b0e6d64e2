"""HOST[:PORT] as it is typed and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployx_tui.errors import InvalidInput

if TYPE_CHECKING:
    from deployx_tui.model.device import DeviceDraft


def split_address(text: str) -> tuple[str, int | None]:
    """HOST, HOST:PORT, [IPv6]:PORT or a bare IPv6 address. InvalidInput when the port is none."""
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        return text.strip("[]"), None
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise InvalidInput.of("--address", f"{port!r} is not a port", "write HOST:PORT with a port from 1 to 65535")
    return host.strip("[]"), int(port)


def address_words(draft: DeviceDraft) -> str:
    """HOST, HOST:PORT or [IPv6]:PORT."""
    host = f"[{draft.address}]" if ":" in draft.address and draft.port else draft.address
    return f"{host}:{draft.port}" if draft.port else host
