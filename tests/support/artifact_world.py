"""Artifacts of the mock-ups' world."""

from __future__ import annotations

import hashlib
from datetime import datetime

from deployx_tui.model.artifact import Artifact, ArtifactKind, EntryKind, TreeEntry
from deployx_tui.model.ids import ArtifactId
from deployx_tui.service.backend.artifacts import ArtifactUse
from tests.support.world import local

_DEB = "application/vnd.debian.binary-package"
#: name, version, kind, size, files, media type, origin, by, at, metadata
_ROWS: list[tuple[str, int, ArtifactKind, int, int, str, str, str, datetime, tuple[tuple[str, str], ...]]] = [
    ("ca-internal.pem", 1, ArtifactKind.FILE, 1_942, 1, "text/plain", "/etc/ssl/private-ca/ca.pem", "carol",
     local(2025, 11, 3, 9, 12), ()),
    ("motd", 2, ArtifactKind.FILE, 412, 1, "text/plain", "standard input", "alice", local(2026, 2, 2, 9, 0), ()),
    ("motd", 1, ArtifactKind.FILE, 398, 1, "text/plain", "/home/alice/motd", "alice", local(2025, 12, 1, 9, 0), ()),
    ("nginx", 3, ArtifactKind.FILE, 1_912_344, 1, _DEB, "/srv/packages/nginx_1.28.2-1_amd64.deb", "alice",
     local(2026, 3, 1, 13, 55),
     (("package", "nginx"), ("version", "1.28.2-1"), ("architecture", "amd64"), ("depends", "libc6 (>= 2.34)"),
      ("description", "high performance web server"))),
    ("nginx", 2, ArtifactKind.FILE, 1_908_112, 1, _DEB, "/srv/packages/nginx_1.28.1-1_amd64.deb", "alice",
     local(2026, 1, 20, 10, 5), (("package", "nginx"), ("version", "1.28.1-1"), ("architecture", "amd64"))),
    ("nginx", 1, ArtifactKind.FILE, 1_880_716, 1, _DEB, "upload", "bob", local(2025, 10, 7, 16, 40),
     (("package", "nginx"), ("version", "1.26.3-1"), ("architecture", "amd64"))),
    ("restore.sh", 1, ArtifactKind.FILE, 3_104, 1, "text/x-shellscript", "/home/dave/restore.sh", "dave",
     local(2026, 1, 9, 11, 0), ()),
    ("shop-backend.tar.gz", 12, ArtifactKind.FILE, 268_435_456, 1, "application/gzip",
     "/var/lib/ci/out/shop-backend.tar.gz", "bob", local(2026, 3, 3, 11, 31),
     (("files", "1204"), ("unpacked", "812646400"))),
    ("web-config", 4, ArtifactKind.TREE, 48_210, 5, "inode/directory", "/srv/conf/web", "alice",
     local(2026, 3, 2, 17, 20), ()),
    ("web-config", 3, ArtifactKind.TREE, 47_998, 5, "inode/directory", "/srv/conf/web", "alice",
     local(2026, 2, 14, 8, 2), ()),
    ("zabbix_agent2.msi", 1, ArtifactKind.FILE, 24_117_248, 1, "application/x-msi", "upload", "dave",
     local(2026, 2, 20, 15, 45), (("product", "Zabbix Agent 2"), ("version", "7.0.10"))),
]  # fmt: skip


def digest(name: str, version: int) -> str:
    return hashlib.sha256(f"{name} {version}".encode()).hexdigest()


def artifacts() -> dict[ArtifactId, Artifact]:
    made: dict[ArtifactId, Artifact] = {}
    for number, (name, version, kind, size, files, media, origin, by, at, metadata) in enumerate(_ROWS, start=1):
        made[ArtifactId(number)] = Artifact(
            id=ArtifactId(number),
            name=name,
            version=version,
            kind=kind,
            sha256=digest(name, version),
            size=size,
            files=files,
            media_type=media,
            origin=origin,
            added_by=by,
            added_at=at,
            metadata=metadata,
        )
    return made


def uses() -> dict[ArtifactId, ArtifactUse]:
    """Of those that something needs."""
    return {
        ArtifactId(1): ArtifactUse(tasks=("web-cert-renew", "db-certs", "nas-certs")),
        ArtifactId(4): ArtifactUse(tasks=("nginx-1.28.2-rollout",)),
        ArtifactId(5): ArtifactUse(executions=(5921,)),
        ArtifactId(8): ArtifactUse(tasks=("shop-deploy",), executions=(8835, 8812)),
        ArtifactId(9): ArtifactUse(tasks=("web-config-sync",), executions=(8652,)),
        ArtifactId(10): ArtifactUse(executions=(8652,)),
    }


def tree() -> tuple[TreeEntry, ...]:
    """What the folder holds."""

    def file(path: str, size: int) -> TreeEntry:
        return TreeEntry(path=path, kind=EntryKind.FILE, mode=0o644, size=size, sha256=digest(path, 1))

    return (
        TreeEntry(path="conf.d", kind=EntryKind.FOLDER, mode=0o755),
        file("conf.d/shop.conf", 4_120),
        file("conf.d/static.conf", 1_004),
        file("mime.types", 5_349),
        file("nginx.conf", 2_656),
        TreeEntry(path="sites-enabled", kind=EntryKind.FOLDER, mode=0o755),
        TreeEntry(path="sites-enabled/shop", kind=EntryKind.LINK, mode=0, target="../conf.d/shop.conf"),
        file("ssl.conf", 35_081),
    )
