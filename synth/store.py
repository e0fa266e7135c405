"""How a shard keeps audio and targets: as a folder of files, or as one tar in WebDataset's layout.

In a folder, ``audio/000012.noisy.wav`` is a stem and ``targets/erb_gains.npy`` holds the rows of all the shard's
items one after another, to be mapped into memory. In a tar, every file of an item is a member named after it,
``000012.noisy.wav``, ``000012.erb_gains.npy``, ``000012.erb_gains.valid.npy``; members of an item are neighbours,
and nothing in them depends on when or by whom they were written.
"""

import io
import os
import tarfile
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

__all__ = ["TAR", "FolderWriter", "Reader", "TarWriter", "Writer", "open_reader", "stem_name"]

TAR = "shard.tar"
Table = tuple[np.ndarray, np.ndarray]  # values and validity, one row a frame


def stem_name(item_id: str, stem: str, audio_format: str) -> str:
    """File name of a stem of an item."""
    return f"{item_id}.{stem}.{audio_format}"


class Writer(Protocol):
    """Takes the items of a shard in order."""

    def add(self, item_id: str, audio: dict[str, bytes], targets: dict[str, Table]) -> None:
        """Keep the files of one item, by name, and its targets."""

    def close(self) -> None:
        """Finish the shard."""


class Reader(Protocol):
    """Gives back what a writer has kept."""

    def audio(self, name: str) -> bytes:
        """Bytes of an audio file; KeyError where it is missing."""

    def target(self, item_id: str, name: str, first: int, count: int) -> Table:
        """Rows of an item: ``first`` and ``count`` are its place among the shard's."""


class FolderWriter:
    """Writes a folder of files."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._audio = folder, os.fspath(folder / "audio")
        self._targets: dict[str, list[Table]] = {}
        for name in ("audio", "targets"):
            (folder / name).mkdir()

    def add(self, item_id: str, audio: dict[str, bytes], targets: dict[str, Table]) -> None:
        """Write the audio; targets wait until the shard is complete."""
        for name, content in audio.items():  # made durable when the shard is committed
            with open(os.path.join(self._audio, name), "wb") as file:
                file.write(content)
        for name, table in targets.items():
            self._targets.setdefault(name, []).append(table)

    def close(self) -> None:
        """Write the targets."""
        for name, parts in self._targets.items():
            values, valid = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
            np.save(self._folder / "targets" / f"{name}.npy", values)
            np.save(self._folder / "targets" / f"{name}.valid.npy", valid)


class FolderReader:
    """Reads a folder of files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def audio(self, name: str) -> bytes:
        """Bytes of an audio file."""
        try:
            return (self._folder / "audio" / name).read_bytes()
        except FileNotFoundError:
            raise KeyError(name) from None

    def target(self, item_id: str, name: str, first: int, count: int) -> Table:
        """Rows of an item, by memory map."""
        files = (self._folder / "targets" / f"{name}{ending}" for ending in (".npy", ".valid.npy"))
        values, valid = (np.load(file, mmap_mode="r")[first : first + count] for file in files)
        return values, valid


class TarWriter:
    """Writes one tar; memory holds one item at a time."""

    def __init__(self, folder: Path) -> None:
        self._tar = tarfile.open(folder / TAR, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115 - close()

    def add(self, item_id: str, audio: dict[str, bytes], targets: dict[str, Table]) -> None:
        """Append the files of one item."""
        for name, content in audio.items():
            self._append(name, content)
        for name, (values, valid) in targets.items():
            self._append(f"{item_id}.{name}.npy", _npy(values))
            self._append(f"{item_id}.{name}.valid.npy", _npy(valid))

    def _append(self, name: str, content: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        self._tar.addfile(member, io.BytesIO(content))

    def close(self) -> None:
        """Write the end of the archive."""
        self._tar.close()


class TarReader:
    """Reads single members of a tar; nothing is unpacked."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / TAR

    @cached_property
    def _places(self) -> dict[str, tuple[int, int]]:
        with tarfile.open(self._path, "r:") as tar:
            return {member.name: (member.offset_data, member.size) for member in tar if member.isreg()}

    def audio(self, name: str) -> bytes:
        """Bytes of a member."""
        offset, size = self._places[name]
        with self._path.open("rb") as file:
            file.seek(offset)
            return file.read(size)

    def target(self, item_id: str, name: str, first: int, count: int) -> Table:
        """Rows of an item."""
        members = (self.audio(f"{item_id}.{name}{ending}") for ending in (".npy", ".valid.npy"))
        values, valid = (np.load(io.BytesIO(content), allow_pickle=False) for content in members)
        return values, valid


def open_reader(folder: Path) -> Reader:
    """Reader of a committed shard."""
    return TarReader(folder) if (folder / TAR).is_file() else FolderReader(folder)


def _npy(array: np.ndarray) -> bytes:
    memory = io.BytesIO()
    np.save(memory, array)
    return memory.getvalue()
