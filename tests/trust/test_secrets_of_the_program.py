"""Secrets and the program around them: who may open one, what a process leaves lying about, what logs show."""

from __future__ import annotations

import ast
import base64
import json
import logging
import os
import resource
from pathlib import Path

import pytest

import deployx_tui
from deployx_tui.api.logs import OneLine
from deployx_tui.config import load
from deployx_tui.model.secret import Secret
from deployx_tui.output.veil import Veil, veil
from deployx_tui.service.vaults import key_places
from deployx_tui.vault.envelope import MasterKey
from deployx_tui.vault.keys import KeyPlaces
from deployx_tui.vault.shelves import NoKey
from tests.support.processes import Place

PACKAGE = Path(deployx_tui.__file__).parent
#: who may see what is inside a Secret
OPENERS = (
    "transports/",
    "output/",
    "notify/",
    "vault/",
    "runners/files/render.py",  # what a file for one target says at ${NAME}
    "service/remote/credentials.py",
    "service/remote/questions.py",
)


def callers_of_reveal() -> set[str]:
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "reveal"
            # the vault's own `reveal` takes arguments, a Secret's takes none
            if is_call and isinstance(node, ast.Call) and not node.args:
                found.add(str(path.relative_to(PACKAGE)))
    return found


def test_only_transports_the_mask_the_vault_and_who_sends_what_was_typed_open_a_secret() -> None:
    found = callers_of_reveal()
    assert "transports/ssh/auth.py" in found, "the look finds callers"
    assert [name for name in sorted(found) if not name.startswith(OPENERS)] == []


def test_a_log_line_and_its_trace_show_no_secret_that_was_met(monkeypatch: pytest.MonkeyPatch) -> None:
    veil.add(Secret.of("a secret of this very test"))
    try:
        raise ValueError("with a secret of this very test inside")
    except ValueError as error:
        trace = (type(error), error, error.__traceback__)
    record = logging.LogRecord("x", logging.ERROR, "", 1, "it was %s", ("a secret of this very test",), trace)
    text = OneLine().format(record)
    assert "a secret of this" not in text.replace('veil.add(Secret.of("[secret]"))', "")
    assert "it was [secret]" in text
    assert "ValueError: with [secret] inside" in text


def test_the_veil_masks_text_anywhere_inside_of_a_value() -> None:
    one = Veil()
    one.add(Secret.of("first secret"))
    one.add(Secret.of("other secret"))
    given = {"a": ["first secret", {"other secret": 1}], "b": None, "c": base64.b64encode(b"first secret").decode()}
    assert json.dumps(one.value(given)) == '{"a": ["[secret]", {"[secret]": 1}], "b": null, "c": "[secret]"}'


def test_reading_a_key_turns_core_dumps_off(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_CORE)
    with pytest.raises(NoKey):
        KeyPlaces(tmp_path / "vault.key").candidates(None)
    assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0), before


# ---- where a key may lie, and in which order it is looked for


def a_key(path: Path, byte: int = 1, mode: int = 0o400) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(bytes([byte]) * 32)
    path.chmod(mode)
    return path


def test_the_first_place_that_has_a_key_gives_it(tmp_path: Path) -> None:
    own, chosen = tmp_path / "config" / "vault.key", tmp_path / "elsewhere" / "key"
    places = KeyPlaces(own, environment=Secret(bytes([4]) * 32))
    ids = [places.candidates(None)[0]]
    a_key(own, 3)
    ids.append(places.candidates(None)[0])
    places.chosen = str(a_key(chosen, 2))
    ids.append(places.candidates(None)[0])
    places.systemd = a_key(tmp_path / "systemd" / "master.key", 1).parent
    ids.append(places.candidates(None)[0])
    assert [found.source.split()[0] for found in ids] == ["environment", "key", "key", "systemd"]
    assert len({found.key.id for found in ids}) == 4
    assert ids[0].warning


def test_a_chosen_key_that_is_missing_is_not_replaced_by_another(tmp_path: Path) -> None:
    a_key(tmp_path / "vault.key")
    places = KeyPlaces(tmp_path / "vault.key", chosen=str(tmp_path / "gone"), environment=Secret(bytes(32)))
    with pytest.raises(NoKey, match=r"key file .*gone is missing"):
        places.candidates(None)
    with pytest.raises(NoKey):
        places.first()
    assert not (tmp_path / "gone").exists()


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o644])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(NoKey, match="may be read by others"):
        KeyPlaces(a_key(tmp_path / "vault.key", mode=mode)).candidates(None)


def test_a_key_that_is_a_link_or_no_file_or_no_key_is_refused(tmp_path: Path) -> None:
    real = a_key(tmp_path / "real")
    (tmp_path / "link").symlink_to(real)
    (tmp_path / "folder").mkdir(mode=0o700)
    short = a_key(tmp_path / "short")
    short.chmod(0o600)
    short.write_text("not a key at all")
    short.chmod(0o400)
    for name, words in (("link", "link is not followed"), ("folder", "regular file"), ("short", "holds no key")):
        with pytest.raises(NoKey, match=words) as refused:
            KeyPlaces(tmp_path / name).candidates(None)
        assert "not a key at all" not in str(refused.value)


def test_a_key_in_the_data_folder_is_refused_and_none_is_made_there(tmp_path: Path) -> None:
    data = tmp_path / "data"
    places = KeyPlaces(data / "inside" / "vault.key", data=(data,))
    with pytest.raises(NoKey, match="lies in the data folder"):
        places.first()
    assert not data.exists()
    a_key(tmp_path / "elsewhere" / "vault.key")
    data.mkdir(mode=0o700)
    (data / "way").symlink_to(tmp_path / "elsewhere")
    KeyPlaces(data / "way" / "vault.key", data=(data,)).candidates(None)  # it leads out: no copy of the data holds it
    a_key(data / "vault.key")
    (tmp_path / "in").symlink_to(data)
    with pytest.raises(NoKey, match="lies in the data folder"):
        KeyPlaces(tmp_path / "in" / "vault.key", data=(data,)).candidates(None)


@pytest.mark.parametrize("form", [lambda raw: raw, base64.b64encode, lambda raw: raw.hex().encode()])
def test_a_key_is_read_in_each_form(tmp_path: Path, form: object) -> None:
    raw = bytes(range(32))
    content = form(raw)  # type: ignore[operator]  # each is a function of bytes
    (tmp_path / "k").write_bytes(content if len(content) == 32 else content + b"\n")
    (tmp_path / "k").chmod(0o400)
    assert KeyPlaces(tmp_path / "k").candidates(None)[0].key.id == MasterKey(Secret(raw)).id


def test_a_key_in_the_environment_is_taken_out_of_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DEPLOYX_MASTER_KEY", base64.b64encode(bytes(32)).decode())
    monkeypatch.setenv("DEPLOYX_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("DEPLOYX_DATA", str(tmp_path / "data"))
    places = key_places(load({}))
    assert "DEPLOYX_MASTER_KEY" not in os.environ
    assert places.first()[0].key.id == MasterKey(Secret(bytes(32))).id
    assert "[secret]" in repr(places) or "AAAA" not in repr(places)


def test_a_command_of_the_engine_does_not_inherit_the_key(tmp_path: Path) -> None:
    place = Place(tmp_path)
    key = base64.b64encode(bytes(range(32))).decode()
    process = place.run(
        f"""
import asyncio, os, uuid
os.environ["DEPLOYX_MASTER_KEY"] = {key!r}
from deployx_tui import config
from deployx_tui.model.device import DeviceDraft, TransportKind
from deployx_tui.model.payload import CommandPayload, Line
from deployx_tui.model.secret import CredentialDraft, CredentialKind, NewSecret, Secret
from deployx_tui.service.process import backend_for

async def session():
    async with backend_for(config.load()) as backend:
        draft = CredentialDraft(name="x", kind=CredentialKind.SUDO)
        await backend.credentials.create(draft, NewSecret(value=Secret.of("a good secret")))
        status = await backend.vault.status()
        draft = DeviceDraft(name="here", address="localhost", transport=TransportKind.LOCAL)
        here = await backend.devices.create(draft)
        run = await backend.executions.run_ad_hoc(CommandPayload(body=Line("env")), "here", str(uuid.uuid4()))
        while (await backend.executions.get(run)).status.is_alive:
            await asyncio.sleep(0.05)
        said = await backend.executions.output(run, here.id)
        text = b"".join(chunk.data for chunk in said.chunks)
        print(status.state.value, status.source, b"HOME=" in text, b"MASTER_KEY" in text, sep="|")
asyncio.run(session())
"""
    )
    out, errors = process.communicate()
    assert process.returncode == 0, errors
    assert out.strip() == "open|environment DEPLOYX_MASTER_KEY|True|False"


def test_a_passphrase_opens_the_vault_and_another_does_not(tmp_path: Path) -> None:
    places = KeyPlaces(tmp_path / "never", chosen="passphrase")
    with pytest.raises(NoKey, match="choose the vault's passphrase"):
        places.first()
    salt = places.give_passphrase(Secret.of("a long passphrase"), None)
    found, kept = places.first()
    assert kept == salt
    again = KeyPlaces(tmp_path / "never", chosen="passphrase")
    with pytest.raises(NoKey, match="waits for its passphrase"):
        again.candidates(salt)
    again.give_passphrase(Secret.of("a long passphrase"), salt)
    assert again.candidates(salt)[0].key.id == found.key.id
    again.give_passphrase(Secret.of("another passphrase"), salt)
    assert again.candidates(salt)[0].key.id != found.key.id
    assert not (tmp_path / "never").exists()
