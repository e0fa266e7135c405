"""One cluster for the tests of the engine, and functions for workers and children beside this file."""

import sys
from pathlib import Path

import pytest

from percepkit.engine.cluster import client

# The rest of the path is handed on to workers and children, which import child_functions and shard_functions.
sys.path.append(str(Path(__file__).parent))


@pytest.fixture(scope="session")
def two_workers():
    """Two worker processes."""
    with client(2) as connected:
        yield connected
