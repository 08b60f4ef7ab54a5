"""Taking files in: all or nothing, once, and in the place of what is damaged."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest
import tomli_w
from filelock import FileLock

from app import paths
from app.core.errors import ModelError
from app.engine.evaluation import card_of, model_hash
from app.zoo import adding
from app.zoo.adding import add_model
from app.zoo.card_file import read_toml
from app.zoo.cards import FILE_ENDINGS, find_card, looks_like_file, read_library, write_card
from app.zoo.loading import load_model
from app.zoo.removing import remove_folder

FILE = paths.root() / "models" / "cifar10-resnet20" / "weights.safetensors"


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path / "home"))
    return paths.user_models()


def _mine() -> list[str]:
    return [card.id for card in read_library().cards if card.kind == "mine"]


def _folders(library: Path) -> list[str]:
    return sorted(one.name for one in library.iterdir() if one.is_dir())


def test_what_a_killed_process_finished_is_not_done_twice(library: Path) -> None:
    since = time.time()
    first = add_model(FILE, name="net")
    assert add_model(FILE, name="net", since=since) == first
    assert add_model(FILE, since=since).id == "net", "also where no name was given"
    assert _mine() == ["net"] and _folders(library) == ["net"]
    with pytest.raises(ModelError, match="already"):
        add_model(FILE, name="net")
    with pytest.raises(ModelError, match="already"):
        add_model(FILE, name="net", since=time.time() + 60)


def test_the_files_ending_is_no_part_of_the_name() -> None:
    def name(wish: str) -> str:
        return adding._free_name(Path(wish), set())

    for ending in FILE_ENDINGS:
        assert name(f"R-50{ending}") == name(f"R-50{ending}.PTH") == "r-50"
        stem = "a" * (60 - len(ending))
        assert name(f"{stem}{ending}.x") == stem, "nor where the name is cut"
        assert not looks_like_file(name(f"net{ending}-")) and not looks_like_file(name(ending))
    assert name("model.safetensors.index.json") == "model" and name("resnet-1.5") == "resnet-1.5"


def test_what_was_taken_in_can_be_used_whatever_the_file_is_called(tmp_path: Path) -> None:
    file = tmp_path / "R-50.pkl"
    file.write_bytes(FILE.read_bytes())
    assert load_model(add_model(file).id).card.id == "r-50"
    with pytest.raises(ModelError, match="ends like a file") as caught:
        add_model(file, name="foo.pt")
    assert "foo" in caught.value.remedy


def test_models_of_earlier_versions_that_are_called_like_files_are_found(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = add_model(FILE, name="net")
    old = replace(card, id="r-50.pkl", folder=library / "r-50.pkl")
    card.folder.rename(old.folder)
    write_card(old)
    assert load_model("r-50.pkl").card == old and card_of("R-50.pkl") == old
    assert model_hash("r-50.pkl") == card.weights.sha256
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r-50.pkl").write_bytes(b"no weights")
    assert load_model("r-50.pkl").card == old, "a file of that name is given by its path"
    with pytest.raises(ModelError, match="not"):
        load_model("./r-50.pkl")
    (old.folder / "card.toml").write_text("[[[", encoding="utf-8")
    with pytest.raises(ModelError, match=r"card\.toml"):
        load_model("r-50.pkl")
    again = add_model(old.folder / "weights.safetensors", name="r-50.pkl", replaces=old.folder)
    assert load_model("r-50.pkl").card.id == again.id == "r-50.pkl", "what is replaced may keep its name"


def test_another_file_of_that_time_is_not_taken_for_it(library: Path, tmp_path: Path) -> None:
    since = time.time()
    add_model(FILE, name="net")
    names = tmp_path / "names.txt"
    names.write_text("\n".join(f"name {index}" for index in range(10)), encoding="utf-8")
    assert add_model(FILE, labels=names, since=since).id != "net"
    assert len(_mine()) == 2
    with pytest.raises(ModelError, match="already"):
        add_model(FILE, name="net", labels=names, since=since)


def test_what_killed_processes_left_is_swept_up(library: Path) -> None:
    (library / ".taking-in-abc").mkdir(parents=True)
    (library / ".taking-in-abc" / "weights.safetensors").write_bytes(b"half")
    add_model(FILE, name="net")
    assert _folders(library) == ["net"]


def test_a_model_that_was_being_replaced_when_the_process_died_comes_back(library: Path) -> None:
    add_model(FILE, name="net")
    (library / "net").rename(library / ".replaced-net")
    add_model(FILE, name="other")
    assert _folders(library) == ["net", "other"] and find_card("net").available


def test_a_damaged_model_is_replaced_and_keeps_its_names(library: Path, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("\n".join(f"name {index}" for index in range(10)), encoding="utf-8")
    card = add_model(FILE, name="net", labels=names)
    table = read_toml(card.folder / "card.toml")
    table["architecture"]["family"] = "transformer"
    (card.folder / "card.toml").write_text(tomli_w.dumps(table), encoding="utf-8")
    with pytest.raises(ModelError):
        load_model("net")
    again = add_model(card.folder / "weights.safetensors", name="net", replaces=card.folder)
    assert again.labels[3] == "name 3" and _folders(library) == ["net"]
    assert load_model("net").labels[3] == "name 3"
    (card.folder / "card.toml").write_text("[[[", encoding="utf-8")
    assert read_library().damaged[0].weights == card.folder / "weights.safetensors"
    again = add_model(card.folder / "weights.safetensors", replaces=card.folder)
    assert again.id == "net" and _folders(library) == ["net"] and not read_library().damaged


def test_what_cannot_replace_leaves_the_old_one(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = add_model(FILE, name="net")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(adding, "_write", full)
    with pytest.raises(ModelError, match="No space"):
        add_model(card.folder / "weights.safetensors", replaces=card.folder)
    assert _folders(library) == ["net"] and find_card("net") == card


def test_a_library_that_cannot_be_written_is_told(library: Path) -> None:
    library.parent.mkdir(parents=True)
    library.touch()
    with pytest.raises(ModelError, match="cannot be written"):
        add_model(FILE, name="net")


def test_another_window_that_adds_is_waited_for(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths.ensure(library)
    monkeypatch.setattr(adding, "_LONGEST_WAIT", 0.1)
    with FileLock(library / ".taking-in.lock"), pytest.raises(ModelError, match="Another window"):
        add_model(FILE, name="net")
    assert add_model(FILE, name="net").id == "net"


def test_folders_without_a_card_are_listed_only_where_weights_are_left(library: Path) -> None:
    card = add_model(FILE, name="net")
    (library / "empty").mkdir()
    shutil.copytree(card.folder, library / "cardless")
    (library / "cardless" / "card.toml").unlink()
    damaged = read_library().damaged
    assert [one.folder.name for one in damaged] == ["cardless"]
    assert "card.toml" in damaged[0].error.what
    remove_folder(damaged[0].folder)
    assert not read_library().damaged
    remove_folder(damaged[0].folder)  # gone already
    with pytest.raises(ModelError, match="not a model of your library"):
        remove_folder(library.parent)
