"""The child's side of `percepkit.engine.child`, and the frames that both sides speak.

A frame is its length (8 bytes), the length of its header (8 bytes), a JSON header and the arrays as
``.npy`` files one after another. An array stands in the JSON as ``{"__array__": bytes of its file}``.
No pickle: neither side can make the other run code.
"""

import importlib
import io
import json
import os
import signal
import sys
from typing import Any, BinaryIO

import numpy as np

__all__ = ["PREFIX_BYTES", "decode", "encode", "frame_bytes", "main"]

PREFIX_BYTES = 16
_ALARM_GRACE_SECONDS = 5.0


def encode(value: Any) -> bytes:
    """Make a frame of a value built of dicts, lists, JSON-able scalars and NumPy arrays.

    Raises
    ------
    TypeError, ValueError
        When the value holds something else; arrays of Python objects are refused.

    Examples
    --------
    >>> frame = encode({"x": np.arange(3.0), "mode": "wb"})
    >>> decode(frame[PREFIX_BYTES:], int.from_bytes(frame[8:16], "little"))
    {'x': array([0., 1., 2.]), 'mode': 'wb'}
    """
    files = io.BytesIO()
    header = json.dumps(_without_arrays(value, files)).encode()
    body = files.getbuffer()
    prefix = (len(header) + len(body)).to_bytes(8, "little") + len(header).to_bytes(8, "little")
    return b"".join((prefix, header, body))


def _without_arrays(value: Any, files: io.BytesIO) -> Any:
    if isinstance(value, np.ndarray):
        before = files.tell()
        np.lib.format.write_array(files, value, allow_pickle=False)
        return {"__array__": files.tell() - before}
    if isinstance(value, dict):
        if "__array__" in value:
            raise ValueError("a dict between parent and child may not have the key '__array__'")
        return {str(key): _without_arrays(item, files) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_arrays(item, files) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def frame_bytes(prefix: bytes | bytearray) -> tuple[int, int]:
    """Read a frame's prefix: the bytes that follow it, and how many of them are the header."""
    return int.from_bytes(prefix[:8], "little"), int.from_bytes(prefix[8:16], "little")


def decode(frame: bytes | bytearray, header_bytes: int) -> Any:
    """Take the value out of a frame without its prefix; the arrays are writable."""
    files = io.BytesIO(frame)
    header = json.loads(files.read(header_bytes))
    return _with_arrays(header, files)


def _with_arrays(value: Any, files: io.BytesIO) -> Any:
    if isinstance(value, dict):
        if "__array__" in value:
            return np.lib.format.read_array(files, allow_pickle=False)
        return {key: _with_arrays(item, files) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_arrays(item, files) for item in value]
    return value


def _read(source: BinaryIO) -> Any:
    prefix = source.read(PREFIX_BYTES)
    if len(prefix) < PREFIX_BYTES:
        raise EOFError
    n_bytes, header_bytes = frame_bytes(prefix)
    return decode(source.read(n_bytes), header_bytes)


def _answer(function: Any, arguments: Any) -> bytes:
    """Call the function; whatever it raises, ``SystemExit`` too, goes back as words."""
    try:
        return encode({"result": function(**arguments)})
    except BaseException as error:
        return encode({"error": type(error).__name__, "message": str(error)})


def _load(target: str, search_path: list[str]) -> Any:
    sys.path[:] = search_path
    module, _, name = target.partition(":")
    value: Any = importlib.import_module(module)
    for part in name.split("."):
        value = getattr(value, part)
    return value


def main() -> None:
    """Load the function, say so, then answer one call after another until the pipe is closed."""
    # Frames get pipes of their own: what the function prints must not end up between them.
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    function: list[Any] = []
    opening = {"target": sys.argv[1], "search_path": _read(source)}
    sink.write(_answer(lambda **kwargs: function.append(_load(**kwargs)), opening))
    sink.flush()
    while function:
        try:
            seconds, arguments = _read(source)
        except EOFError:
            return
        # The parent ends us at the time limit. Should it be gone by then, the kernel does.
        signal.setitimer(signal.ITIMER_REAL, seconds + _ALARM_GRACE_SECONDS)
        answer = _answer(function[0], arguments)
        signal.setitimer(signal.ITIMER_REAL, 0)
        sink.write(answer)
        sink.flush()


if __name__ == "__main__":
    main()
