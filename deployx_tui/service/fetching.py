"""Files of devices to a folder of whoever asks, out of what any Backend gives: a folder a device."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from deployx_tui.errors import InvalidInput
from deployx_tui.model.execution import Cause
from deployx_tui.model.fetch import FetchBegun, FetchEnded, FetchKind, FetchPiece
from deployx_tui.model.ids import DeviceId
from deployx_tui.model.words import size_words
from deployx_tui.planning.names import remote_name
from deployx_tui.service.backend import Backend
from deployx_tui.service.landing import Landed, Landing, TooMuch
from deployx_tui.service.local.pulling import Pull, pulled


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to fetch, and how it is to land."""

    #: checked, no two with the same last part
    remotes: tuple[str, ...]
    into: Path
    overwrite: bool
    #: bytes that one device may send
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What became of one device."""

    device_id: DeviceId
    device: str
    folder: Path
    landed: Landed
    #: why not all of it came; None: all did, but for what was refused or kept
    failed: FetchEnded | None

    @property
    def ok(self) -> bool:
        return self.failed is None and not self.landed.refused_count


def folder_names(devices: Sequence[tuple[DeviceId, str]]) -> dict[DeviceId, str]:
    """A name for each device's folder: its own where that is one on every system, and no other's in any case."""
    found: dict[DeviceId, str] = {}
    used: set[str] = set()
    for device, name in devices:
        plain = name if re.fullmatch(r"[^\W_.-][\w.-]{0,99}", name) else re.sub(r"[^\w.-]+", "-", name).strip("-.")[:60]
        plain = plain or str(device)
        while plain.casefold() in used:
            plain = f"{plain}-{device}"
        used.add(plain.casefold())
        found[device] = plain
    return found


async def fetch(backend: Backend, device: DeviceId, name: str, folder: str, order: Order, threads: Executor) -> Fetched:
    """One device. What it, or this disk, refuses is in the answer; NotPermitted and an engine that is gone pass."""
    place = order.into / folder
    try:
        with Landing(place, overwrite=order.overwrite, most=order.most) as landing:
            failed = await _all(backend, device, landing, order, threads)
            return Fetched(device_id=device, device=name, folder=place, landed=landing.landed, failed=failed)
    except OSError as error:
        failed = _here(error, place)
        return Fetched(device_id=device, device=name, folder=place, landed=Landed(), failed=failed)


async def _all(
    backend: Backend, device: DeviceId, landing: Landing, order: Order, threads: Executor
) -> FetchEnded | None:
    for remote in order.remotes:
        if landing.has(remote_name(remote)):
            landing.landed.keep(remote_name(remote))
            continue
        failed = await _one(backend, device, remote, landing, order, threads)
        if failed is not None:
            return failed
    return None


async def _one(
    backend: Backend, device: DeviceId, remote: str, landing: Landing, order: Order, threads: Executor
) -> FetchEnded | None:
    ended: list[FetchEnded] = []
    name = remote_name(remote)

    async def content(pieces: AsyncIterator[FetchPiece]) -> AsyncIterator[bytes]:
        async for piece in pieces:
            if isinstance(piece, FetchEnded):
                ended.append(piece)
                return
            if isinstance(piece, bytes):
                yield piece

    def is_whole() -> bool:
        return bool(ended) and ended[-1].cause is None

    async with aclosing(backend.devices.fetch(device, remote)) as pieces:
        first = await anext(pieces)
        if not isinstance(first, FetchBegun):
            return _with_place(remote, first)
        kind = first.kind

        def work(pull: Pull) -> None:
            if kind is FetchKind.TREE:
                landing.tree(name, pull.read)
            else:
                landing.file(name, pull.read, is_whole)

        try:
            await pulled(content(pieces), threads, work)
        except TooMuch as error:
            remedy = f"it may send {size_words(order.most)}; --max-size says how much"
            return FetchEnded(cause=Cause.OUTPUT_LIMIT, message=f"{remote}: {error}", remedy=remedy)
        except InvalidInput as error:
            if ended and ended[-1].cause is not None:
                return _with_place(remote, ended[-1])
            return FetchEnded(cause=Cause.VERIFY, message=f"{remote}: {error.problems[0].message}", remedy="try again")
        except OSError as error:
            return _here(error, order.into)
    return None if is_whole() else _with_place(remote, ended[-1] if ended else b"")


def _with_place(remote: str, piece: FetchPiece) -> FetchEnded:
    if not isinstance(piece, FetchEnded):
        return FetchEnded(cause=Cause.LOST, message=f"{remote}: the engine sent no end", remedy="try again")
    return FetchEnded(cause=piece.cause or Cause.LOST, message=f"{remote}: {piece.message}", remedy=piece.remedy)


def _here(error: OSError, place: Path) -> FetchEnded:
    message = f"{place} can't be written here: {error.strerror or error}"
    return FetchEnded(cause=Cause.EXIT, message=message, remedy="see its rights and the room on this disk")
