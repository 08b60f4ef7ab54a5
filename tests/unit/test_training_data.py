"""Data sets: the built-in one is hard but learnable, the user's own are read in every layout, faults are named."""

from __future__ import annotations

import hashlib
import io
import pickle
import shutil
import tarfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from app import paths
from app.core.errors import DataError
from app.training.data import DataRequest, DataSet, channel_statistics, data_sources, silent
from app.training.data.cached import cached_pictures, data_folder
from app.training.data.cifar import CifarSource
from app.training.data.shapes import SHAPES, generate
from tests.unit.training_help import npz, pictures

LABELS_OF_SEED_7 = [8, 2, 6, 0, 4, 0, 4, 3, 4, 2]
MEAN_OF_SEED_7 = 110.554


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path / "home"))


def load(name: str, path: Path | None = None, *, side: int = 32, download: bool = False) -> DataSet:
    return data_sources.get(name).load(DataRequest(path, side=side, download=download), silent)


@pytest.mark.parametrize("name", data_sources.names())
def test_every_source_says_what_a_form_must_know(name: str) -> None:
    source = data_sources.get(name)
    assert source.name == name and source.title and source.summary.endswith(".")
    assert source.classes >= 0


# -- shapes ------------------------------------------------------------------------------------------------------------


def test_shapes_are_the_same_for_everybody_and_balanced() -> None:
    first, second = generate(200, seed=7), generate(200, seed=7)
    assert np.array_equal(first.pixels, second.pixels) and np.array_equal(first.labels, second.labels)
    assert not np.array_equal(first.pixels, generate(200, seed=8).pixels)
    assert first.pixels.shape == (200, 32, 32, 3) and first.pixels.dtype == np.uint8
    assert np.bincount(first.labels).tolist() == [20] * len(SHAPES)


def test_shapes_have_not_changed_unnoticed() -> None:
    """Cached pictures and published figures hang on them: after a change, raise VERSION in shapes.py."""
    drawn = generate(100, seed=7)
    assert drawn.labels[:10].tolist() == LABELS_OF_SEED_7
    assert float(drawn.pixels.mean()) == pytest.approx(MEAN_OF_SEED_7, abs=0.05)


def test_shapes_are_drawn_fast() -> None:
    began = time.process_time()
    generate(1000, seed=1)
    assert time.process_time() - began < 2  # 12,000 in a few seconds, also on a slow machine


def test_no_shape_gives_itself_away_by_its_colours() -> None:
    """A linear model on the pixels' mean and deviation is near chance."""
    drawn = generate(2000, seed=3)
    scaled = drawn.pixels.reshape(2000, -1, 3) / 255
    features = np.concatenate([scaled.mean(1), scaled.std(1), np.ones((2000, 1))], axis=1)
    target = np.eye(10)[drawn.labels]
    weights = np.linalg.lstsq(features[:1500], target[:1500], rcond=None)[0]
    accuracy = ((features[1500:] @ weights).argmax(1) == drawn.labels[1500:]).mean()
    assert accuracy < 0.25


def test_a_linear_model_fails_on_shapes() -> None:
    """Ridge regression on all pixels, the best of several strengths."""
    drawn = generate(4000, seed=3)
    x = torch.from_numpy(drawn.pixels.reshape(4000, -1)).double() / 255 - 0.5
    x = torch.cat([x, torch.ones(4000, 1, dtype=torch.float64)], 1)
    target = functional.one_hot(torch.from_numpy(drawn.labels), 10).double()
    kernel = x @ x[:3000].T  # the dual: 3000 pictures against 3073 numbers each
    best = 0.0
    for strength in (1e2, 1e3, 1e4):
        dual = torch.linalg.solve(kernel[:3000] + strength * torch.eye(3000), target[:3000])
        accuracy = ((kernel[3000:] @ dual).argmax(1) == torch.from_numpy(drawn.labels[3000:])).double().mean()
        best = max(best, float(accuracy))
    assert best < 0.35


def test_shapes_are_kept_and_made_again_when_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def make():  # type: ignore[no-untyped-def]
        made.append(1)
        return pictures(4)

    for _ in range(2):
        assert len(cached_pictures("some", make)) == 4
    assert len(made) == 1
    (data_folder() / "some.npz").write_bytes(b"damaged")
    assert len(cached_pictures("some", make)) == 4
    assert len(made) == 2
    monkeypatch.setenv(paths.HOME_VARIABLE, "/proc/nowhere")
    assert len(cached_pictures("some", make)) == 4  # nowhere to keep it


# -- CIFAR -------------------------------------------------------------------------------------------------------------


def published_folder(parent: Path) -> Path:
    folder = parent / "cifar-10-batches-py"
    folder.mkdir()
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    for seed, name in enumerate(names):
        some = pictures(20, seed=seed)
        batch = {
            "data": some.pixels.transpose(0, 3, 1, 2).reshape(20, -1),
            "labels": [int(label) for label in some.labels],
        }
        text = pickle.dumps(batch, protocol=2)
        for key in (b"data", b"labels"):  # Python 2 wrote the real ones: its text is neither bytes nor str
            text = text.replace(b"X" + len(key).to_bytes(4, "little") + key, b"U" + bytes([len(key)]) + key)
        (folder / name).write_bytes(text)
    return folder


def test_cifar_is_read_from_an_npz(tmp_path: Path) -> None:
    data = load("cifar10", npz(tmp_path))
    assert (len(data.train), len(data.test), len(data.classes)) == (64, 40, 10)
    assert np.array_equal(data.train.pixels, pictures(64).pixels)
    assert data.record()["train_pictures"] == 64


def test_cifar_is_read_from_the_published_folder_and_from_its_parent(tmp_path: Path) -> None:
    folder = published_folder(tmp_path)
    for path in (folder, tmp_path):
        data = load("cifar10", path)
        assert (len(data.train), len(data.test)) == (100, 20)
        assert np.array_equal(data.train.pixels[20:40], pictures(20, seed=1).pixels)


def test_a_cifar_batch_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self):  # type: ignore[no-untyped-def]
            return (Path.touch, (tmp_path / "ran",))

    folder = published_folder(tmp_path)
    (folder / "data_batch_3").write_bytes(pickle.dumps({b"data": Evil(), b"labels": []}))
    with pytest.raises(DataError, match="would run"):
        load("cifar10", folder)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("fault", ["missing", "shape", "labels", "length", "text", "folder"])
def test_what_is_not_cifar_is_named(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "data.npz"
    good = pictures(20)
    arrays = {"x_train": good.pixels, "y_train": good.labels, "x_test": good.pixels, "y_test": good.labels}
    if fault == "missing":
        del arrays["y_test"]
    elif fault == "shape":
        arrays["x_train"] = good.pixels[:, :16]
    elif fault == "labels":
        arrays["y_train"] = good.labels + 10
    elif fault == "length":
        arrays["y_train"] = good.labels[:3]
    np.savez(path, **arrays)
    if fault == "text":
        path.write_text("hello")
    with pytest.raises(DataError, match="is not CIFAR-10"):
        load("cifar10", tmp_path if fault == "folder" else path)


@pytest.mark.parametrize("fault", ["cut", "turned"])
def test_a_damaged_npz_is_named_and_a_cached_one_made_anew(tmp_path: Path, fault: str) -> None:
    good = pictures(20)
    path, kept = tmp_path / "data.npz", data_folder() / "some.npz"
    kept.parent.mkdir(parents=True)
    np.savez_compressed(path, x_train=good.pixels, y_train=good.labels, x_test=good.pixels, y_test=good.labels)
    np.savez_compressed(kept, pixels=good.pixels, labels=good.labels)
    for file in (path, kept):
        data = bytearray(file.read_bytes())
        if fault == "cut":
            del data[len(data) // 2 :]
        else:
            data[200:300] = bytes(255 - one for one in data[200:300])
        file.write_bytes(bytes(data))
    with pytest.raises(DataError, match="is not CIFAR-10"):
        load("cifar10", path)
    assert len(cached_pictures("some", lambda: pictures(4))) == 4


def test_nothing_is_downloaded_unasked(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="download=yes"):
        load("cifar100")
    with pytest.raises(DataError, match="does not exist"):
        load("cifar10", tmp_path / "nowhere.npz")


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small CIFAR-10 archive on a server of this machine, in place of the real one."""
    from torchvision.datasets import CIFAR10

    folder = tmp_path / "server"
    folder.mkdir()
    published_folder(folder)
    meta = pickle.dumps({"label_names": list("abcdefghij")})
    (folder / "cifar-10-batches-py" / "batches.meta").write_bytes(meta)
    archive = folder / "cifar-10-python.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder / "cifar-10-batches-py", "cifar-10-batches-py")
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(CIFAR10, "url", f"http://127.0.0.1:{server.server_port}/{archive.name}")
    monkeypatch.setattr(CIFAR10, "tgz_md5", hashlib.md5(archive.read_bytes()).hexdigest())
    for attribute in ("train_list", "test_list"):
        files = [
            [name, hashlib.md5((folder / "cifar-10-batches-py" / name).read_bytes()).hexdigest()]
            for name, _ in getattr(CIFAR10, attribute)
        ]
        monkeypatch.setattr(CIFAR10, attribute, files)
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": hashlib.md5(meta).hexdigest()})
    yield archive
    server.shutdown()
    server.server_close()


def test_cifar_is_fetched_checked_and_kept(mirror: Path) -> None:
    data = load("cifar10", download=True)
    assert (len(data.train), len(data.test)) == (100, 20)
    mirror.unlink()
    assert len(load("cifar10").train) == 100


def test_a_damaged_download_is_refused(mirror: Path) -> None:
    mirror.write_bytes(mirror.read_bytes()[:-10])
    with pytest.raises(DataError, match="could not be fetched"):
        load("cifar10", download=True)


def test_two_at_once_fetch_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twins. While it is unpacked, some of its files are there already."""
    fetched: list[CifarSource] = []
    begun = threading.Event()

    def slow(self: CifarSource, progress: object) -> None:
        fetched.append(self)
        folder = data_folder() / self.folder
        folder.mkdir()
        (folder / self.test_batch).touch()
        begun.set()
        time.sleep(0.5)
        shutil.rmtree(folder)
        published_folder(data_folder())

    monkeypatch.setattr(CifarSource, "_download", slow)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(load, "cifar10", download=True)
        assert begun.wait(20)
        second = pool.submit(load, "cifar10", download=True)
        assert [len(one.result().train) for one in (first, second)] == [100, 100]
    assert len(fetched) == 1


def test_what_is_on_this_machine_is_read_from_a_folder_that_takes_no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object, **named: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("app.training.data.cifar.FileLock.acquire", refused)
    with pytest.raises(DataError, match="could not be fetched"):
        load("cifar10", download=True)
    published_folder(data_folder())
    assert len(load("cifar10", download=True).train) == 100


# -- a folder per class ------------------------------------------------------------------------------------------------


def draw(path: Path, *, size: tuple[int, int] = (40, 60), colour: tuple[int, int, int] = (200, 30, 30)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


def test_a_folder_per_class_is_read_and_split(tmp_path: Path) -> None:
    for number in range(10):
        draw(tmp_path / "red" / f"{number}.png")
        draw(tmp_path / "green" / "deeper" / f"{number}.jpg", colour=(20, 200, 20))
    (tmp_path / "red" / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden").mkdir()
    data = load("folder", tmp_path, side=24)
    assert data.classes == ("green", "red")
    assert (len(data.train), len(data.test)) == (16, 4)
    assert data.train.pixels.shape == (16, 24, 24, 3)
    assert np.bincount(data.test.labels).tolist() == [2, 2]
    assert np.abs(data.train.pixels[data.train.labels == 1][0, 0, 0].astype(int) - [200, 30, 30]).max() < 3
    assert "test" in data.notices[0]
    again = load("folder", tmp_path, side=24)
    assert np.array_equal(again.test.pixels, data.test.pixels)


def test_a_divided_folder_keeps_its_division(tmp_path: Path) -> None:
    for part, count in (("train", 4), ("val", 2)):
        for name in ("cat", "dog"):
            for number in range(count):
                draw(tmp_path / part / name / f"{number}.png")
    draw(tmp_path / "val" / "bird" / "0.png")
    data = load("folder", tmp_path)
    assert (len(data.train), len(data.test)) == (8, 4)
    assert any("bird" in notice for notice in data.notices)


def test_unreadable_pictures_and_empty_classes_are_left_out_and_named(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        for number in range(10):
            draw(tmp_path / name / f"{number}.png")
    (tmp_path / "cat" / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    whole = io.BytesIO()
    Image.new("RGB", (64, 64), (1, 2, 3)).save(whole, "PNG")
    (tmp_path / "dog" / "cut.png").write_bytes(whole.getvalue()[:60])
    (tmp_path / "unicorn").mkdir()
    for _ in range(2):  # read, then from the cache
        data = load("folder", tmp_path)
        assert len(data.train) + len(data.test) == 20
        told = " ".join(data.notices)
        assert "2 pictures could not be read" in told and "broken.jpg" in told and "cut.png" in told
        assert "unicorn" in told


@pytest.mark.parametrize(
    ("folders", "words"),
    [
        ({"cat": 3}, "only one class with pictures, cat"),
        ({"cat": 3, "dog": 0}, "only one class with pictures, cat. Empty: dog"),
        ({}, "no class with pictures"),
    ],
)
def test_folders_that_nothing_can_be_learnt_from_are_refused(
    tmp_path: Path, folders: dict[str, int], words: str
) -> None:
    root = tmp_path / "mine"
    root.mkdir()
    for name, count in folders.items():
        (root / name).mkdir()
        for number in range(count):
            draw(root / name / f"{number}.png")
    with pytest.raises(DataError) as error:
        load("folder", root)
    assert words in str(error.value)


def test_a_class_without_a_readable_picture_is_refused(tmp_path: Path) -> None:
    for number in range(3):
        draw(tmp_path / "cat" / f"{number}.png")
    (tmp_path / "dog").mkdir()
    (tmp_path / "dog" / "a.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"no picture of dog.*a\.png"):
        load("folder", tmp_path)
    with pytest.raises(DataError, match="is not a folder"):
        load("folder", tmp_path / "cat" / "0.png")
    with pytest.raises(DataError, match="No folder is named"):
        load("folder")


def test_a_picture_on_its_side_is_turned_upright(tmp_path: Path) -> None:
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[:16] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in ("cat", "dog"):
        for number in range(2):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png", exif=exif)
    picture = load("folder", tmp_path).train.pixels[0]
    assert picture[:, 20:].mean() > 250 and picture[:, :12].mean() < 5


def test_channel_statistics_are_numpys() -> None:
    some = pictures(50).pixels
    mean, deviation = channel_statistics(some)
    np.testing.assert_allclose(mean, (some / 255).mean((0, 1, 2)), atol=1e-4)
    np.testing.assert_allclose(deviation, (some / 255).std((0, 1, 2)), atol=1e-4)
