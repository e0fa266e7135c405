"""How many copies of recordings are found after re-encoding and editing.

Copies of some files of a folder are stored in other forms, and looked for among themselves and all files of the
folder. The last column is the ratio of copies found to copies made. The last line counts copies among the folder's
own files, found when these are alone: there may be true ones (--list names them).
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from percepkit.audio.files import read
from percepkit.audio.resampling import resample
from percepkit.engine.cluster import client
from percepkit.manifests.demo import demo_folder
from percepkit.manifests.duplicates import find_duplicates
from percepkit.manifests.scan import scan
from percepkit.manifests.table import contents, file_ids

#: Name to (suffix, subtype, sample rate, libsndfile's compression 0 to 1, level in dB, seconds cut off the start).
FORMS: dict[str, tuple[str, str, int | None, float | None, float, float]] = {
    "8 kHz": ("wav", "PCM_16", 8000, None, 0, 0),
    "48 kHz": ("flac", "PCM_16", 48_000, None, 0, 0),
    "-30 dB": ("wav", "PCM_16", None, None, -30, 0),
    "trimmed by 137 ms": ("wav", "PCM_16", None, None, 0, 0.137),
    "trimmed by 300 ms": ("wav", "PCM_16", None, None, 0, 0.3),
    "MP3, 44.1 kHz, lowest rate": ("mp3", "MPEG_LAYER_III", 44_100, 0.99, 0, 0),
    "MP3, 16 kHz, trimmed": ("mp3", "MPEG_LAYER_III", 16_000, 0.9, -3, 0.06),
    "Vorbis, 44.1 kHz, lowest rate": ("ogg", "VORBIS", 44_100, 0.99, 0, 0),
    "Opus, 48 kbit/s": ("opus", "OPUS", 48_000, (256 - 48) / 250, 0, 0),
    "Opus, 24 kbit/s, trimmed": ("opus", "OPUS", 48_000, (256 - 24) / 250, -6, 0.1),
    "Opus, 12 kbit/s": ("opus", "OPUS", 48_000, (256 - 12) / 250, 0, 0),
}


def store(x: np.ndarray, sample_rate: int, folder: Path, name: str) -> None:
    """Write a copy in one of the forms."""
    suffix, subtype, rate, compression, level_db, trim_seconds = FORMS[name]
    x = x[round(trim_seconds * sample_rate) :] * 10 ** (level_db / 20)
    x = np.clip(resample(x, sample_rate, rate or sample_rate), -1, 1)
    options = {} if compression is None else {"compression_level": compression}
    container = "OGG" if suffix in ("ogg", "opus") else suffix.upper()
    with soundfile.SoundFile(
        folder / f"{list(FORMS).index(name):02}.{suffix}",
        "w",
        rate or sample_rate,
        1,
        subtype,
        format=container,
        **options,
    ) as file:
        for first in range(0, len(x), 16_384):  # libsndfile's Vorbis overflows its stack on long blocks
            file.write(x[first : first + 16_384])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=demo_folder() / "speech", help="recordings, of any kind")
    parser.add_argument("--files", type=int, default=100, help="how many get copies")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--list", action="store_true", help="print the groups found in the folder itself")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, client(arguments.workers) as cluster:
        own = scan(arguments.folder, kind="speech", root_name="own", client=cluster)
        usable = own[(own["status"] == "ok") & (own["duration"] >= 1)]
        chosen = usable.iloc[np.unique(np.linspace(0, len(usable) - 1, arguments.files).astype(int))]
        for number, path in enumerate(chosen["path"]):
            folder = Path(name, f"{number:04}")
            folder.mkdir()
            x, rate = read(arguments.folder / path, channel=0)
            for form in FORMS:
                store(x[: 60 * rate], rate, folder, form)
        made = scan(name, kind="speech", root_name="made", client=cluster)
        both = pd.concat([own, made], ignore_index=True)
        found = find_duplicates(both, {"own": arguments.folder, "made": Path(name)}, client=cluster)
        alone = find_duplicates(own, {"own": arguments.folder}, client=cluster)
    group = contents(found)
    group.index = file_ids(found)
    print(f"{'form':32}{'found':>8}{'made':>8}{'ratio':>8}")
    files = [f"own/{path}" for path in chosen["path"]]
    for number, form in enumerate(FORMS):
        suffix = FORMS[form][0]
        copies = [f"made/{i:04}/{number:02}.{suffix}" for i in range(len(files))]
        hits = sum(group[a] is not None and group[a] == group[b] for a, b in zip(files, copies, strict=True))
        print(f"{form:32}{hits:8}{len(copies):8}{hits / len(copies):8.2f}")
    copies = alone[alone["duplicate_of"].notna()]
    originals = copies["duplicate_of"].nunique()
    print(f"among {len(alone)} files of the folder: {len(copies)} copies of {originals} others")
    if arguments.list:
        for row in copies.itertuples():
            print(f"  {row.path}  {row.duplicate_of}")


if __name__ == "__main__":
    main()
