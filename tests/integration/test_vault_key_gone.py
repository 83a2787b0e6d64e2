"""A running engine whose key file is harmed: what it says of itself, and what it refuses until the file is back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deployx_tui.errors import VaultClosed
from deployx_tui.model.device import GroupDraft
from deployx_tui.model.secret import CredentialDraft, CredentialKind, NewSecret, Secret
from tests.support.local_site import LocalSite, site
from tests.support.processes import LONG, Place, only_place

__all__ = ["site"]

SECRET = "correct horse battery staple"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with only_place(tmp_path, monkeypatch) as made:
        yield made


def said(place: Place, *words: str, status: int = 0, stdin: str = "") -> str:
    process = place.deployx(*words)
    out, err = process.communicate(stdin, timeout=LONG)
    assert process.returncode == status, out + err
    return out + err


def test_an_engine_whose_key_file_is_gone_says_so_and_keeps_nothing_that_a_restart_would_lose(place: Place) -> None:
    add = ("credential", "add", "--kind", "password", "--stdin")
    key, aside = place.folder / "config" / "vault.key", place.folder / "aside"
    with place.serving():
        said(place, *add, "one", stdin=SECRET)
        key.rename(aside)
        found = said(place, "vault", "status", status=1)
        assert "open from memory: its key is gone" in found
        assert "vault.key is missing; put it back from its copy" in found
        assert "back up" not in found
        assert "vault.key is missing" in said(place, "doctor", status=1)
        for words in ((*add, "two"), ("credential", "rotate", "one", "--stdin")):
            assert "put it back from its copy" in said(place, *words, status=5, stdin=SECRET), words
        assert "it is not replaced" in said(place, "vault", "rotate-master", "--yes", status=1)
        assert "✓" in said(place, "credential", "test", "one"), "secrets are used from memory"
        aside.rename(key)
        assert "back up" in said(place, "vault", "status")
        said(place, *add, "two", stdin=SECRET)


async def test_where_a_secret_goes_is_not_changed_while_the_key_is_gone(site: LocalSite, tmp_path: Path) -> None:
    backend = await site.backend()
    group = await backend.groups.create(GroupDraft(name="web"))
    draft = CredentialDraft(name="one", kind=CredentialKind.PASSWORD)
    made = await backend.credentials.create(draft, NewSecret(value=Secret.of(SECRET)))
    key = tmp_path / "config" / "vault.key"
    key.chmod(0o644)
    bound = replace(draft, groups=(group.id,))
    with pytest.raises(VaultClosed, match="close it with chmod 400"):
        await backend.credentials.update(made.id, bound)
    described = replace(draft, description="of the fronts")
    assert (await backend.credentials.update(made.id, described)).draft == described
    key.chmod(0o400)
    assert (await backend.credentials.update(made.id, bound)).draft == bound
