"""Packages over the wire."""

from __future__ import annotations

from collections.abc import Sequence

from deployx_tui.model.ids import PackageId
from deployx_tui.model.package import InstalledPackage, Package, Taken
from deployx_tui.model.package_json import package_to_json
from deployx_tui.model.page import Page
from deployx_tui.service.remote.channel import Channel
from deployx_tui.service.wire import values
from deployx_tui.service.wire.packages import installed_from_json, stored_from_json, taken_from_json
from deployx_tui.service.wire.params import Params
from deployx_tui.service.wire.values import Json

_PATH = "/api/packages"


class RemotePackages:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def list(self) -> Page[Package]:
        answer = await self._channel.get(_PATH)
        return values.page_from_json(answer.json, "packages", stored_from_json)

    async def get(self, package: PackageId) -> Package:
        return stored_from_json((await self._channel.get(f"{_PATH}/{package}")).json)

    async def find(self, name_or_id: str) -> Package:
        return stored_from_json((await self._channel.get(f"{_PATH}/find", [("name", name_or_id)])).json)

    async def where(self, package: str | None = None, *, behind: bool = False) -> tuple[InstalledPackage, ...]:
        params: Params = [("behind", "true")] if behind else []
        if package is not None:
            params.append(("package", package))
        answer = await self._channel.get(f"{_PATH}/where", params)
        return values.each({"where": answer.json}, "where", installed_from_json)

    async def create(self, package: Package) -> Package:
        answer = await self._channel.send("POST", _PATH, package_to_json(package))
        return stored_from_json(answer.json)

    async def update(self, package: PackageId, new: Package, revision: int | None = None) -> Package:
        answer = await self._channel.send("PUT", f"{_PATH}/{package}", package_to_json(new), version=revision)
        return stored_from_json(answer.json)

    async def delete(self, package: PackageId, revision: int | None = None) -> None:
        await self._channel.send("DELETE", f"{_PATH}/{package}", version=revision)

    async def take(self, packages: Sequence[Package], *, dry_run: bool = False) -> Taken:
        body: Json = {"packages": values.items(package_to_json(each) for each in packages), "dry_run": dry_run}
        return taken_from_json((await self._channel.send("POST", f"{_PATH}/import", body)).json)
