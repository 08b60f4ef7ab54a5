"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009), from where the user has them or through torchvision's download."""

from __future__ import annotations

import importlib
import pickle
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from app.core.errors import DataError
from app.core.plain_pickle import PlainUnpickler
from app.training.data import DataRequest, DataSet, LabelledPictures, Progress, data_sources
from app.training.data.cached import UNREADABLE, data_folder

Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]

_TEN = "airplane automobile bird cat deer dog frog horse ship truck"
_HUNDRED = """apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can
castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant
flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy
porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel
streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale
willow_tree wolf woman worm"""
ARRAY_NAMES = ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True)
class CifarSource:
    """One of the two sets.

    Attributes:
        name: Registry name.
        title: How people call it.
        class_names: In the order of the labels.
        mean: Per channel, of the training pictures.
        deviation: Per channel, of the training pictures.
        folder: How the published folder is called.
        train_batches: Its files of training pictures.
        test_batch: Its file of test pictures.
        label_key: Where its files keep the labels.
        dataset: Of torchvision.
        megabytes: What would be fetched.
    """

    name: str
    title: str
    class_names: tuple[str, ...]
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    folder: str
    train_batches: tuple[str, ...]
    test_batch: str
    label_key: bytes
    dataset: str
    megabytes: int

    @property
    def summary(self) -> str:
        return f"{len(self.class_names)} classes of 32×32 photographs (Krizhevsky 2009)."

    @property
    def path_help(self) -> str:
        return f"An .npz file with {', '.join(ARRAY_NAMES)}, or the folder {self.folder}."

    @property
    def downloadable(self) -> str:
        return f"{self.megabytes} MB from the University of Toronto"

    @property
    def classes(self) -> int:
        return len(self.class_names)

    def look(self, request: DataRequest) -> str:
        """What would be read; see `DataSource.look`."""
        if request.path is None:
            if self._is_cached():
                return f"{self.title} is on this machine, in {data_folder() / self.folder}."
            if request.download:
                return f"{self.downloadable} will be fetched."
            raise self._missing()
        if not request.path.exists():
            raise DataError(f"{request.path} does not exist.", f"Give the path of: {self.path_help}")
        if request.path.is_dir() and not any((one / self.test_batch).exists() for one in self._homes(request.path)):
            raise DataError(f"{request.path} is not {self.title}.", f"Give: {self.path_help}")
        return f"{self.title} from {request.path}."

    def load(self, request: DataRequest, progress: Progress) -> DataSet:
        """Read the pictures; see `DataSource.load`."""
        path = request.path
        if path is None:
            path = self._cached(request, progress)
        elif not path.exists():
            raise DataError(f"{path} does not exist.", f"Give the path of: {self.path_help}")
        progress(f"Reading {self.title}", 0.0)
        try:
            train, test = self._read_npz(path) if path.is_file() else self._read_folder(path)
        except (*UNREADABLE, IndexError, TypeError, pickle.UnpicklingError) as error:
            raise DataError(f"{path} is not {self.title} ({_reason(error)}).", f"Give: {self.path_help}") from error
        progress(f"Reading {self.title}", 1.0)
        return DataSet(self.name, self.title, self.class_names, train, test, self.mean, self.deviation)

    def _cached(self, request: DataRequest, progress: Progress) -> Path:
        if request.download:
            self._download_once(progress)
        elif not self._is_cached():
            raise self._missing()
        return data_folder() / self.folder

    def _is_cached(self) -> bool:
        return (data_folder() / self.folder / self.test_batch).exists()

    def _missing(self) -> DataError:
        return DataError(
            f"{self.title} is not on this machine.",
            f"Give data_path ({self.path_help}), or set download=yes to fetch {self.downloadable}.",
        )

    def _homes(self, folder: Path) -> tuple[Path, Path]:
        """Where its files may lie: in the folder that was named, or in the published one inside it."""
        return folder, folder / self.folder

    def _download_once(self, progress: Progress) -> None:
        """Fetch it if nobody has: twins, and processes under torchrun, ask for it at the same time.

        Where it is being unpacked, some of its files are there already, so nobody looks without the lock.
        """
        lock = FileLock(data_folder() / f"{self.folder}.lock")
        try:
            data_folder().mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                progress(f"Waiting for {self.title}, which another process fetches", 0.0)
                lock.acquire()
        except OSError as error:
            if self._is_cached():  # a folder that is only for reading: nobody can be unpacking into it
                return
            raise self._not_fetched(error) from error
        try:
            if not self._is_cached():
                self._download(progress)
        finally:
            lock.release()

    def _not_fetched(self, error: Exception) -> DataError:
        return DataError(
            f"{self.title} could not be fetched ({_reason(error)}).",
            f"Check the connection and try again, or give data_path: {self.path_help}",
        )

    def _download(self, progress: Progress) -> None:
        """Let torchvision fetch the archive, check its MD5 sum and unpack it."""
        dataset = getattr(importlib.import_module("torchvision.datasets"), self.dataset)
        target = data_folder()
        try:
            with _watched(target / dataset.filename, self.megabytes * 1_000_000, self.title, progress):
                dataset(str(target), download=True)
        except (OSError, RuntimeError) as error:
            raise self._not_fetched(error) from error

    def _read_npz(self, path: Path) -> tuple[LabelledPictures, LabelledPictures]:
        with np.load(path, allow_pickle=False) as file:
            x_train, y_train, x_test, y_test = (file[name] for name in ARRAY_NAMES)
        return self._checked(x_train, y_train), self._checked(x_test, y_test)

    def _read_folder(self, folder: Path) -> tuple[LabelledPictures, LabelledPictures]:
        if not (folder / self.test_batch).exists() and (folder / self.folder).is_dir():
            folder = folder / self.folder

        def read(name: str) -> Arrays:
            with (folder / name).open("rb") as file:
                batch = PlainUnpickler(file, encoding="bytes").load()
            pixels = np.asarray(batch[b"data"], np.uint8).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
            return pixels, np.asarray(batch[self.label_key])

        parts = [read(name) for name in self.train_batches]
        pixels, labels = (np.concatenate(part) for part in zip(*parts, strict=True))
        return self._checked(pixels, labels), self._checked(*read(self.test_batch))

    def _checked(self, pixels: NDArray[Any], labels: NDArray[Any]) -> LabelledPictures:
        if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1:] != (32, 32, 3):
            raise ValueError(f"its pictures are {pixels.dtype} {pixels.shape}, not uint8 N×32×32×3")
        if labels.shape != (len(pixels),) or not len(labels):
            raise ValueError(f"it has {len(pixels)} pictures and labels of shape {labels.shape}")
        if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= self.classes:
            raise ValueError(f"its labels are not whole numbers from 0 to {self.classes - 1}")
        return LabelledPictures(np.ascontiguousarray(pixels), labels.astype(np.int64))


data_sources.register("cifar10")(
    CifarSource(
        name="cifar10",
        title="CIFAR-10",
        class_names=tuple(_TEN.split()),
        mean=(0.4914, 0.4822, 0.4465),
        deviation=(0.2470, 0.2435, 0.2616),
        folder="cifar-10-batches-py",
        train_batches=tuple(f"data_batch_{number}" for number in range(1, 6)),
        test_batch="test_batch",
        label_key=b"labels",
        dataset="CIFAR10",
        megabytes=170,
    )
)
data_sources.register("cifar100")(
    CifarSource(
        name="cifar100",
        title="CIFAR-100",
        class_names=tuple(name.replace("_", " ") for name in _HUNDRED.split()),
        mean=(0.5071, 0.4865, 0.4409),
        deviation=(0.2673, 0.2564, 0.2762),
        folder="cifar-100-python",
        train_batches=("train",),
        test_batch="test",
        label_key=b"fine_labels",
        dataset="CIFAR100",
        megabytes=169,
    )
)


@contextmanager
def _watched(path: Path, size: int, title: str, progress: Progress) -> Iterator[None]:
    """Report how far a file has grown, twice a second, while the body runs."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.5):
            have = path.stat().st_size if path.exists() else 0
            progress(f"Fetching {title}", min(have / size, 1.0))

    thread = threading.Thread(target=watch, name="download progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _reason(error: Exception) -> str:
    return f"no {error.args[0]!r} in it" if isinstance(error, KeyError) else str(error) or type(error).__name__
