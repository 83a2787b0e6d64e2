from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest

from deployx_tui.config import Settings, load
from deployx_tui.config.keys import KEYS
from deployx_tui.config.sources import default_file
from deployx_tui.config.values import system_zone, without_password
from deployx_tui.engine.settings import EngineSettings
from deployx_tui.errors import InvalidInput
from deployx_tui.output.writer import Caps
from deployx_tui.service.compose import engine_settings


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOYX_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("DEPLOYX_DATA", str(tmp_path / "data"))


def toml(folder: Path, text: str) -> Path:
    file = folder / "some.toml"
    file.write_text(text)
    return file


def refused(file: Path | None = None, **environment: str) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        load(file=file, environment=environment)
    return caught.value


def test_a_flag_wins_over_the_environment_that_wins_over_the_file_that_wins_over_the_default(tmp_path: Path) -> None:
    file = toml(tmp_path, 'drain = "1m"\nlinger = "2m"\ntimezone = "Asia/Tokyo"\n')
    settings = load(
        {"drain": "7s", "linger": None}, file=file, environment={"DEPLOYX_DRAIN": "8s", "DEPLOYX_LINGER": "9s"}
    )
    assert settings.drain == timedelta(seconds=7)
    assert settings.linger == timedelta(seconds=9)
    assert settings.timezone == "Asia/Tokyo"
    assert settings.color == "auto"
    assert settings.origins["drain"] == "flag --drain"
    assert settings.origins["linger"] == "environment DEPLOYX_LINGER"
    assert settings.origins["timezone"] == str(file)
    assert settings.origins["color"] == "default"


def test_what_is_shown_names_every_setting_with_its_value_and_origin(tmp_path: Path) -> None:
    shown = {line.name: line for line in load(environment={"DEPLOYX_DRAIN": "90s"}).shown()}
    settings = {f.name for f in fields(Settings)} - {"origins"}
    assert settings == {key.name for key in KEYS}
    assert set(shown) == settings | {"data_folder", "config_folder", "runtime_folder"}
    assert (shown["drain"].value, shown["drain"].origin) == ("1m30s", "environment DEPLOYX_DRAIN")
    assert (shown["connect"].value, shown["connect"].origin) == ("", "default")


def test_an_unknown_key_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    error = refused(toml(tmp_path, 'timezome = "UTC"\nqqqq = 1\n'))
    assert [problem.field for problem in error.problems] == ["timezome", "qqqq"]
    assert error.problems[0].remedy == "did you mean timezone?"
    assert "drain" in error.problems[1].remedy


def test_a_bad_value_names_where_it_stands_and_what_to_say_instead(tmp_path: Path) -> None:
    error = refused(toml(tmp_path, "linger = 3\n"), DEPLOYX_TIMEZONE="Mars/Olympus", DEPLOYX_COLOR="nevr")
    by_field = {problem.field: problem for problem in error.problems}
    assert set(by_field) == {"DEPLOYX_TIMEZONE", "linger", "DEPLOYX_COLOR"}
    assert "some.toml" in by_field["linger"].message
    assert '"3s"' in by_field["linger"].remedy
    assert "Europe/Berlin" in by_field["DEPLOYX_TIMEZONE"].remedy
    assert by_field["DEPLOYX_COLOR"].remedy == "did you mean never?"


def test_a_file_that_is_named_must_exist_and_the_default_one_need_not(tmp_path: Path) -> None:
    assert "does not exist" in str(refused(tmp_path / "absent.toml"))
    assert "does not exist" in str(refused(DEPLOYX_CONFIG=str(tmp_path / "absent.toml")))
    assert load(environment={}).color == "auto"
    default_file().parent.mkdir()
    default_file().write_text('color = "never"\n')
    assert load(environment={}).color == "never"


def test_broken_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    assert "line 2" in str(refused(toml(tmp_path, 'color = "never"\ndrain = = 3\n')))


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite:///", "sqlite://x", "/tmp/x.db", "sqlite:///x.db?mode=ro"])
def test_a_database_of_another_kind_is_refused(url: str) -> None:
    assert "sqlite:///PATH" in str(refused(DEPLOYX_DB=url))


def test_a_databases_password_is_not_shown() -> None:
    settings = load({"db": "postgresql://me:s3cret@db.example/deployx"}, environment={})
    assert settings.shown()[0].value == "postgresql://me:[secret]@db.example/deployx"
    assert without_password("sqlite:////home/me/x.db") == "sqlite:////home/me/x.db"


def test_a_relative_database_is_the_same_one_from_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load({"db": "sqlite:///sub/../x.db"}, environment={})
    assert settings.db == f"sqlite:///{tmp_path}/x.db"
    assert settings.is_sqlite
    assert not load({"db": "postgresql://db/deployx"}, environment={}).is_sqlite


def test_an_engine_elsewhere_is_named_by_its_socket() -> None:
    assert load({"connect": "unix:///run/deployx.sock"}, environment={}).connect == "unix:///run/deployx.sock"
    assert "unix:///" in str(refused(DEPLOYX_URL="ftp://x"))


def test_this_machines_zone_is_an_iana_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", ":Europe/Berlin")
    assert system_zone() == "Europe/Berlin"
    monkeypatch.setenv("TZ", "../../etc/passwd")
    assert ".." not in system_zone()


def test_an_engine_process_is_told_what_its_face_has_read(tmp_path: Path) -> None:
    told = load(
        {"db": f"sqlite:///{tmp_path}/x.db", "linger": "1m5s", "timezone": "Asia/Tokyo", "socket": tmp_path / "s"},
        environment={},
    )
    flags = told.as_flags()
    read = load({name[2:].replace("-", "_"): value for name, value in zip(flags[::2], flags[1::2], strict=True)})
    assert read == told


def test_what_is_not_set_is_what_the_engine_takes_by_itself() -> None:
    assert engine_settings(load(environment={})) == EngineSettings()


def test_the_engines_limits_reach_it_from_the_file_and_through_its_processs_flags(tmp_path: Path) -> None:
    file = toml(
        tmp_path,
        """
        workers = 8
        connect_timeout = "3s"
        target_timeout = "2h"
        kill_wait = "20s"
        spool_folders = "/srv/spool /tmp"
        target_output = "1MiB"
        run_output = "2GiB"
        keep_events = "1d"
        keep_history = "90d"
        """,
    )
    told = load(file=file, environment={"DEPLOYX_WORKERS": "9"})
    assert engine_settings(told) == EngineSettings(
        workers=9,
        connect_timeout=timedelta(seconds=3),
        default_timeout=timedelta(hours=2),
        kill_wait=timedelta(seconds=20),
        spool_bases=("/srv/spool", "/tmp"),
        caps=Caps(target=1 << 20, run=2 << 30),
        events_kept=timedelta(days=1),
        history_kept=timedelta(days=90),
    )
    flags = told.as_flags()
    names = (name[2:].replace("-", "_") for name in flags[::2])
    assert load(dict(zip(names, flags[1::2], strict=True)), environment={}) == told


def test_no_limit_is_said_by_a_word_and_told_to_the_engines_process(tmp_path: Path) -> None:
    settings = load(file=toml(tmp_path, 'keep_history = "90d"\n'), environment={"DEPLOYX_KEEP_HISTORY": "none"})
    assert settings.keep_history is None
    assert {line.name: line.value for line in settings.shown()}["keep_history"] == "none"
    assert "none" in settings.as_flags()


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("workers = 0", "1 to 1024"),
        ("workers = 1025", "1 to 1024"),
        ("workers = true", "1 to 1024"),
        ('workers = "many"', "1 to 1024"),
        ("connect_timeout = 10", '"10s"'),
        ('connect_timeout = "0s"', "1s or more"),
        ('connect_timeout = "none"', "30s"),
        ("target_output = 1000", '"128MiB"'),
        ('spool_folders = "relative"', "absolute"),
        ('spool_folders = "/a;b"', "absolute"),
        ("spool_folders = []", "in quotes"),
        ('target_output = "0MiB"', '"128MiB"'),
        ('run_output = "4GB"', '"4GiB"'),
        ('keep_history = "for ever"', "7d"),
    ],
)
def test_a_limit_that_can_not_be_meant_is_refused(tmp_path: Path, text: str, remedy: str) -> None:
    (problem,) = refused(toml(tmp_path, text)).problems
    assert problem.field == text.split(maxsplit=1)[0]
    assert remedy in problem.remedy


@pytest.mark.parametrize("value", ["9" * 5_000, "[" * 100_000])
def test_a_file_that_no_reader_could_take_is_refused_with_a_remedy(tmp_path: Path, value: str) -> None:
    (problem,) = refused(toml(tmp_path, f"drain = {value}\n")).problems
    assert problem.field == "config"
    assert "TOML" in problem.remedy
