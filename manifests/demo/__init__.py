"""The embedded demo corpus: a few minutes of synthetic speech by eight voices.

It lets every command run before anything is downloaded. How it was made is in `build` and README.md.
"""

from pathlib import Path

__all__ = ["demo_folder"]


def demo_folder() -> Path:
    """Folder of the demo corpus: ``metadata.csv`` and ``speech/VOICE/NN.flac``, mono, 16 kHz.

    Examples
    --------
    >>> (demo_folder() / "metadata.csv").is_file()
    True
    """
    return Path(__file__).resolve().parent
