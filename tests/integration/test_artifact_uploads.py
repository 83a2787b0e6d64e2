"""Uploads and downloads over the wire, as foreign clients and broken ones make them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from deployx_tui.errors import TooLarge
from deployx_tui.model.ids import ArtifactId
from deployx_tui.model.user import Role
from deployx_tui.service.remote import RemoteBackend
from deployx_tui.store.contents.folder import Limits
from deployx_tui.store.database import Database
from tests.contract.backend.artifacts import tar_of
from tests.support.local_site import LocalSite, site
from tests.support.served import Served, served

__all__ = ["site"]

OCTETS = {"Content-Type": "application/octet-stream"}


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


@pytest.fixture
async def api(site: LocalSite, tmp_path: Path) -> AsyncIterator[Served]:
    folder = tmp_path / "s"
    folder.mkdir()
    async with served(await site.backend(Role.OPERATOR), folder, zone="UTC") as running:
        yield running


@pytest.fixture
def http(api: Served) -> httpx.AsyncClient:
    return api.http


def lying(site: LocalSite) -> list[Path]:
    return [path for path in site.premises.contents.folder.folder.rglob("*") if path.is_file()]


async def test_a_file_is_the_raw_body_and_a_folder_a_tar(http: httpx.AsyncClient) -> None:
    made = await http.post("/api/artifacts", params={"name": "a.bin"}, content=b"content", headers=OCTETS)
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"/api/artifacts/{made.json()['id']}"
    assert made.json()["origin"] == "upload"
    again = await http.post("/api/artifacts", params={"name": "a.bin"}, content=b"content", headers=OCTETS)
    assert (again.status_code, again.json()["id"]) == (200, made.json()["id"])
    folder = await http.post(
        "/api/artifacts",
        params={"name": "site", "kind": "tree", "origin": "ci"},
        content=tar_of(("x", b"1", "")),
        headers={"Content-Type": "application/x-tar"},
    )
    assert folder.status_code == 201, folder.text
    tree = await http.get(f"{folder.headers['location']}/tree")
    assert [entry["path"] for entry in tree.json()] == ["x"]
    listed = (await http.get("/api/artifacts")).json()
    assert ([one["name"] for one in listed["artifacts"]], listed["total"]) == (["a.bin", "site"], 2)
    versions = await http.get(f"{made.headers['location']}/versions")
    assert [one["version"] for one in versions.json()] == [1]
    assert (await http.get(f"{made.headers['location']}/uses")).json() == {"tasks": [], "executions": []}
    assert (await http.delete(made.headers["location"])).status_code == 200
    assert (await http.get(made.headers["location"])).status_code == 404
    would = (await http.post("/api/artifacts/gc", json={})).json()
    assert (would["freed"], [one["name"] for one in would["artifacts"]]) == (7, ["a.bin"])
    assert (await http.post("/api/artifacts/gc", json={"dry_run": False})).json()["freed"] == 7


@pytest.mark.parametrize(
    ("path", "media", "status"),
    [
        ("/api/artifacts?name=x", "application/json", 415),
        ("/api/artifacts?name=x", "text/plain", 415),
        ("/api/artifacts?name=x&kind=tree", "application/octet-stream", 422),
        ("/api/artifacts?name=x", "application/x-tar", 422),
        ("/api/artifacts?name=x&more=1", "application/octet-stream", 422),
        ("/api/artifacts", "application/octet-stream", 422),
        ("/api/artifacts/gc", "application/octet-stream", 415),
        ("/api/schedule/tasks", "application/octet-stream", 415),
    ],
)
async def test_only_an_upload_has_another_body_than_json(
    http: httpx.AsyncClient, path: str, media: str, status: int
) -> None:
    answer = await http.post(path, content=b"{}", headers={"Content-Type": media})
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("asked", "status", "expected", "place"),
    [
        ("bytes=0-9", 206, (0, 10), "bytes 0-9/3000000"),
        ("bytes=2999990-", 206, (2999990, 3000000), "bytes 2999990-2999999/3000000"),
        ("bytes=-5", 206, (2999995, 3000000), "bytes 2999995-2999999/3000000"),
        ("bytes=1000000-9999999", 206, (1000000, 3000000), "bytes 1000000-2999999/3000000"),
        ("bytes=3000000-", 416, None, None),
        ("bytes=0-1,5-6", 200, (0, 3000000), None),
        ("bytes=9-3", 200, (0, 3000000), None),
        ("lines=1-2", 200, (0, 3000000), None),
        ("bytes=-", 200, (0, 3000000), None),
    ],
)
async def test_a_range_of_a_content(
    http: httpx.AsyncClient, asked: str, status: int, expected: tuple[int, int] | None, place: str | None
) -> None:
    data = bytes(range(250)) * 12_000
    made = await http.post("/api/artifacts", params={"name": "a"}, content=data, headers=OCTETS)
    answer = await http.get(f"{made.headers['location']}/content", headers={"Range": asked})
    assert answer.status_code == status
    if expected is not None:
        assert answer.content == data[slice(*expected)]
        assert answer.headers.get("content-range") == place
        assert answer.headers["content-length"] == str(expected[1] - expected[0])
        assert answer.headers["etag"] == f'"{hashlib.sha256(data).hexdigest()}"'
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_content_that_the_client_has_is_not_sent_again(http: httpx.AsyncClient) -> None:
    made = await http.post("/api/artifacts", params={"name": "a"}, content=b"content", headers=OCTETS)
    path = f"{made.headers['location']}/content"
    tag = f'"{made.json()["sha256"]}"'
    assert (await http.get(path, headers={"If-None-Match": tag})).status_code == 304
    changed = await http.get(path, headers={"Range": "bytes=0-1", "If-Range": '"another"'})
    assert (changed.status_code, changed.content) == (200, b"content")


async def test_a_content_that_changed_on_the_disk_is_refused_before_a_byte_is_sent(
    http: httpx.AsyncClient,
    site: LocalSite,
) -> None:
    made = await http.post("/api/artifacts", params={"name": "a"}, content=b"content", headers=OCTETS)
    site.premises.contents.folder.path(made.json()["sha256"]).write_bytes(b"Content")
    answer = await http.get(f"{made.headers['location']}/content")
    assert answer.status_code == 422
    assert "artifact a@1" in answer.json()["detail"]


async def test_more_than_a_setting_allows_is_413_while_it_is_still_sent(
    api: Served,
    site: LocalSite,
) -> None:
    folder = site.premises.contents.folder
    folder.limits = Limits(one=1 << 20)
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 1 << 30:
            yield bytes(1 << 16)
            sent += 1 << 16

    answer = await api.http.post("/api/artifacts", params={"name": "a"}, content=endless(), headers=OCTETS)
    assert answer.status_code == 413
    assert "artifact_file" in answer.json()["detail"]
    assert sent < 64 << 20
    remote = await RemoteBackend.connect(api.socket)
    sent = 0
    with pytest.raises(TooLarge, match="artifact_file"):
        await remote.artifacts.add("a", endless(), "x")
    await remote.close()
    assert lying(site) == []


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_a_client_that_goes_away_in_the_middle_leaves_nothing(
    api: Served,
    site: LocalSite,
    framing: str,
) -> None:
    incoming = site.premises.contents.folder.folder / "incoming"
    head = "POST /api/artifacts?name=a HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
    head += "Content-Length: 10000000\r\n\r\n" if framing == "length" else "Transfer-Encoding: chunked\r\n\r\n"
    _, writer = await asyncio.open_unix_connection(api.socket)
    data = bytes(2 << 20)
    writer.write(head.encode() + (data if framing == "length" else b"%x\r\n" % len(data) + data + b"\r\n"))
    await writer.drain()
    async with asyncio.timeout(60):
        while not (incoming.exists() and any(each.stat().st_size for each in incoming.glob("*/part"))):
            await asyncio.sleep(0.01)
        writer.close()
        while any(incoming.iterdir()):
            await asyncio.sleep(0.01)
    assert lying(site) == []
    assert (await api.http.get("/api/artifacts")).json()["total"] == 0


async def test_a_stream_that_fails_at_the_sender_is_told_as_it_failed(
    api: Served,
    site: LocalSite,
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(2 << 20)
        raise FileNotFoundError("it vanished")

    remote = await RemoteBackend.connect(api.socket)
    with pytest.raises(FileNotFoundError, match="vanished"):
        await remote.artifacts.add("a", broken(), "x")
    await remote.close()
    async with asyncio.timeout(60):
        while any((site.premises.contents.folder.folder / "incoming").iterdir()):
            await asyncio.sleep(0.01)
    assert (await api.http.get(f"/api/artifacts/{ArtifactId(1)}")).status_code == 404
