"""The settings: what is written is read; what is damaged is set aside."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from app.ui.settings import MOST_RECENT, Settings, SettingsFile


def test_written_settings_are_read_again(tmp_path: Path) -> None:
    settings = Settings(scheme="dark", opacity=0.25, recent=("a.jpg", "b.jpg"))
    SettingsFile(tmp_path / "settings.json").write(settings)
    assert SettingsFile(tmp_path / "settings.json").read() == settings


def test_without_a_file_the_defaults_hold_silently(tmp_path: Path) -> None:
    file = SettingsFile(tmp_path / "settings.json")
    assert file.read() == Settings()
    assert file.notice == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"opacity": "much"}',
        '{"opacity": 7}',
        '{"opacity": true}',
        '{"recent": "a.jpg"}',
        '{"recent": [1]}',
        '{"model": 3}',
        "\x00\x01",
    ],
)
def test_damaged_settings_are_kept_beside_the_defaults(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.json"
    path.write_text(text)
    file = SettingsFile(path)
    assert file.read() == Settings()
    kept = tmp_path / "settings.damaged.json"
    assert kept.read_text() == text
    assert str(kept) in file.notice
    file.write(Settings(scheme="light"))
    assert SettingsFile(path).read().scheme == "light"


def test_bytes_that_are_no_text_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(b"\xff\xfe\x80")
    assert SettingsFile(path).read() == Settings()
    assert (tmp_path / "settings.damaged.json").read_bytes() == b"\xff\xfe\x80"


def test_names_of_a_newer_version_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({**dataclasses.asdict(Settings()), "holograms": True}))
    assert SettingsFile(path).read() == Settings()


def test_a_folder_that_cannot_be_written_is_no_disaster(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    SettingsFile(blocked / "settings.json").write(Settings())
    assert blocked.read_text() == ""


def test_recent_paths_are_unique_newest_first_and_few() -> None:
    settings = Settings()
    for number in [*range(20), 3]:
        settings = settings.with_recent(Path(f"{number}.jpg"))
    assert settings.recent[:2] == ("3.jpg", "19.jpg")
    assert len(settings.recent) == len(set(settings.recent)) == MOST_RECENT
