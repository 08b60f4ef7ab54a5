"""Labelled pictures to judge a model on, in the layouts that people have. No torch: the window looks at them too.

Pictures in folders are listed and read one by one; arrays are in memory as they come out of their file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.core.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from app.core.records import Frame


@dataclass(frozen=True, eq=False)
class LabelledSet:
    """Pictures with their classes, before any model looks at them.

    Attributes:
        path: What the user named.
        layout: How it was understood, in words ("a folder per class").
        classes: The data's own names of its classes, in the order of `labels`; () where they have none.
        labels: (N,) int64, each picture's place in `classes`.
        names: What each picture is called: its path below `path`, as it can be shown, or “#12” in an array.
        files: Where the pictures are, one per label; () for an array.
        pixels: (N, H, W, 3) uint8 RGB; None for files.
        notices: What the user should know ("left out: …").
        told: The pictures in the order in which a labels file names them; () where there is none.
    """

    path: Path
    layout: str
    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    names: Sequence[str]
    files: tuple[Path, ...] = ()
    pixels: NDArray[np.uint8] | None = None
    notices: tuple[str, ...] = ()
    told: tuple[int, ...] = ()
    _digest: list[str] = field(default_factory=list, repr=False)

    def __len__(self) -> int:
        return len(self.labels)

    def picture(self, number: int) -> Frame:
        """One picture, upright, RGB.

        Raises:
            PictureError: where its file cannot be read.
        """
        from app.core.records import Frame
        from app.sources.files import read_picture

        if self.pixels is None:
            return read_picture(self.files[number])
        return Frame(self.pixels[number], f"{self.path.name} {self.names[number]}")

    def as_told(self) -> LabelledSet:
        """The same pictures and classes in the order of the labels file, which earlier records have."""
        import numpy as np

        old = self.labels[list(self.told)].tolist()
        places = {label: place for place, label in enumerate(dict.fromkeys(old))}
        return replace(
            self,
            classes=tuple(self.classes[label] for label in places),
            labels=np.array([places[label] for label in old], np.int64),
            names=tuple(self.names[number] for number in self.told),
            files=tuple(self.files[number] for number in self.told),
            told=(),
            _digest=[],
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the classes, names and labels, with the pixels of an array or the sizes of the files.

        The same on another machine; where the same files lie in another folder, too.
        """
        if not self._digest:
            digest = hashlib.sha256("\0".join(self.classes).encode("utf-8", "surrogateescape"))
            digest.update(self.labels.astype("<i8").tobytes())
            if self.pixels is not None:
                digest.update(self.pixels.data if self.pixels.flags.c_contiguous else self.pixels.tobytes())
            for name, file in zip(self.names, self.files, strict=False):
                try:
                    size = file.stat().st_size
                except OSError:  # gone since it was listed; reading it will say so
                    size = -1
                digest.update(f"{name}\0{size}\n".encode("utf-8", "surrogateescape"))
            self._digest.append(digest.hexdigest())
        return self._digest[0]


def labelled_set(path: Path, *, labels: Path | None = None) -> LabelledSet:
    """Find out what `path` is, and list or read it.

    Args:
        path: An .npz file; a folder of the CIFAR batches; a folder per class, also below `val` or `test`; a flat
            folder with a file that says each picture's class.
        labels: That file, where it is not found beside the pictures.

    Raises:
        DataError: where it is none of these, saying what was found.
    """
    from app.evaluation import arrays, folders

    if not path.exists():
        raise DataError(f"{path} does not exist.", "Check the path.")
    if path.is_file():
        return arrays.read_npz(path)
    batches = arrays.cifar_folder(path)
    if batches is not None and labels is None:
        return arrays.read_cifar(path, batches)
    return folders.list_folder(path, labels)
