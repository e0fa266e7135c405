"""What the children of test_child.py run; imported there by name, as a user's module would be."""

import ctypes
import os
import subprocess
import sys
import time

import numpy as np


def echo(**values):
    return values


def total(x, *, factor=1.0):
    return np.float64(x.sum() * factor)


def chatty():
    print("to stdout, by Python")
    os.system("echo to stdout, by another process")
    sys.stderr.write("x" * 300_000)  # more than a pipe holds
    return "said"


def fail(message):
    raise KeyError(message)


def leave():
    raise SystemExit(3)


def exit_at_once():
    os._exit(3)


def segfault():
    print("the last words", file=sys.stderr, flush=True)
    ctypes.string_at(0)


def hang(seconds=600.0, pid_file=None):
    if pid_file:
        grandchild = subprocess.Popen(["sleep", str(seconds)])
        with open(pid_file, "w") as file:
            file.write(f"{grandchild.pid}")
    while True:
        print("still here", file=sys.stderr, flush=True)
        time.sleep(0.001)


def process_id():
    return {"pid": os.getpid(), "threads": os.environ["OMP_NUM_THREADS"], "stdin": sys.stdin.read()}


def unjsonable():
    return object()
