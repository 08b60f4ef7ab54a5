"""Where things are kept, also where there is no home or nothing can be written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app import paths
from app.core.errors import SettingsError

USERS = (paths.user_data, paths.config, paths.cache, paths.logs)


def test_one_variable_moves_everything_of_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path))
    folders = {of() for of in USERS}
    assert len(folders) == len(USERS)
    assert all(folder.parent == tmp_path for folder in folders)
    assert not any(folder.exists() for folder in folders), "asking for a path creates nothing"


def test_what_comes_with_the_program_is_in_the_repository_or_the_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert paths.bundled_models().is_dir()
    assert paths.assets().is_dir()
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    assert paths.assets() == tmp_path / "assets"
    assert paths.bundled_models() == tmp_path / "models"


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    blocked = tmp_path / "file" / "inside"
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SettingsError) as caught:
        paths.ensure(blocked)
    assert str(blocked) in caught.value.what
    assert paths.HOME_VARIABLE in caught.value.remedy


def test_logs_and_caches_fall_back_to_a_temporary_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    folder = paths.ensure_or_temporary(tmp_path / "file" / "logs")
    (folder / "x.log").write_text("works")
    assert tmp_path not in folder.parents
    assert paths.ensure_or_temporary(tmp_path / "fine") == tmp_path / "fine"


@pytest.mark.skipif(os.name == "nt", reason="Windows does not ask HOME")
def test_without_a_home_everything_is_in_a_folder_that_goes_with_the_process() -> None:
    code = (
        "import os, pwd\n"
        "def nobody(uid): raise KeyError(uid)\n"
        "pwd.getpwuid = nobody\n"
        "from app import paths\n"
        "p = [paths.user_data(), paths.config(), paths.cache(), paths.logs(), paths.torch_checkpoints()]\n"
        "assert all(one.is_absolute() for one in p), p\n"
        "print(paths.ensure(p[0]))"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "HOME"))}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={name: value for name, value in environment.items() if name != paths.HOME_VARIABLE},
        cwd=paths.root(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert not Path(done.stdout.strip()).exists()
    assert not (paths.root() / "~").exists()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"TORCH_HOME": "/a"}, "/a/hub/checkpoints"),
        ({"XDG_CACHE_HOME": "/b"}, "/b/torch/hub/checkpoints"),
        ({"HOME": "/c"}, "/c/.cache/torch/hub/checkpoints"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="POSIX paths")
def test_torch_cache_is_where_torch_looks(
    variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert paths.torch_checkpoints() == Path(expected)
    assert Path(torch.hub.get_dir()) / "checkpoints" == Path(expected)
