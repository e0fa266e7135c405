"""Mapping over shards: same results everywhere, few in flight, deaths survived; and commits of folders."""

import contextlib
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import dask
import pytest
import shard_functions

from percepkit.engine import shards as shards_module
from percepkit.engine.cluster import client
from percepkit.engine.shards import commit_folder, map_shards, sweep_attempts
from percepkit.engine.tables import atomic_write

HERE = Path(__file__).parent


@pytest.fixture(params=["serial", "threads", "processes"])
def any_client(request):
    if request.param == "processes":
        yield request.getfixturevalue("two_workers")
    else:
        with client(0) if request.param == "serial" else client(2, processes=False) as connected:
            yield connected


@pytest.fixture(scope="module")
def threads():
    with client(2, processes=False) as connected:
        yield connected


def test_same_results_everywhere(any_client):
    seen = []
    pairs = list(
        map_shards(
            shard_functions.scale,
            iter(range(30)),
            client=any_client,
            payload={"factor": 7},
            on_result=lambda shard, result: seen.append((shard, result)),
        )
    )
    assert seen == pairs
    assert sorted(pairs) == [(shard, 7 * shard) for shard in range(30)]
    assert sorted(map_shards(shard_functions.add_one, [1, 2], client=any_client)) == [(1, 2), (2, 3)]
    assert list(map_shards(shard_functions.add_one, [], client=any_client)) == []


@pytest.mark.parametrize("kind, error", [("value", ValueError), ("os", OSError), ("key", RuntimeError)])
def test_errors_name_the_shard(any_client, kind, error):
    with pytest.raises(error, match=f"shard {kind}: .*what went wrong") as caught:
        list(map_shards(shard_functions.fail, [kind], client=any_client))
    assert type(caught.value) is error
    assert str(caught.value.__cause__).strip("'") == "what went wrong"


def test_dask_looks_into_neither_shards_nor_payload(any_client):
    """Dask would run a tuple whose first entry is a function."""
    shard = (len, [1, 2])
    ((returned, result),) = map_shards(
        lambda shard, payload: (shard, payload), [shard], client=any_client, payload={"a": (len, "b")}
    )
    assert returned == shard
    assert result == (shard, {"a": (len, "b")})


def test_at_most_two_per_thread_are_in_flight(threads):
    lock, running, finished, taken = threading.Lock(), 0, 0, 0
    most_running = most_in_flight = 0

    def shards():
        nonlocal taken
        for number in range(60):
            taken = number + 1
            yield number

    def work(shard):
        nonlocal running, most_running
        with lock:
            running += 1
            most_running = max(most_running, running)
        time.sleep(0.005)
        with lock:
            running -= 1

    # Functions of this very process: threads get them by reference through this table.
    shard_functions.local_work = work
    for _ in map_shards(run_local_work, shards(), client=threads):
        most_in_flight = max(most_in_flight, taken - finished)
        finished += 1
    assert finished == 60
    assert most_running == 2
    assert most_in_flight <= 5  # two for each of two threads, and the one just handed out


def run_local_work(shard):
    return shard_functions.local_work(shard)


def test_max_in_flight(threads):
    taken = []
    shards = (taken.append(number) or number for number in range(10))
    pairs = map_shards(shard_functions.add_one, shards, client=threads, max_in_flight=1)
    next(pairs)
    assert taken == [0, 1]
    assert len(list(pairs)) == 9
    with pytest.raises(ValueError, match="max_in_flight: expected at least 1, found 0"):
        list(map_shards(shard_functions.add_one, [1], client=threads, max_in_flight=0))


def test_results_are_let_go(two_workers):
    def held():
        return {key for key in two_workers.futures if key not in before}

    before = set(two_workers.futures)
    most = [len(held()) for _ in map_shards(shard_functions.add_one, range(40), client=two_workers)]
    assert max(most) <= 5
    until = time.monotonic() + 5
    while held() and time.monotonic() < until:
        time.sleep(0.01)
    assert not held()


def test_closing_cancels_what_waits(two_workers, tmp_path):
    shards = [0.01, *[0.3] * 50]
    with contextlib.closing(map_shards(shard_functions.sleep, shards, client=two_workers)) as pairs:
        assert next(pairs) == (0.01, 0.01)
    start = time.monotonic()
    assert list(map_shards(shard_functions.add_one, [1], client=two_workers)) == [(1, 2)]
    assert time.monotonic() - start < 5


def test_an_error_cancels_the_rest(two_workers):
    start = time.monotonic()
    with pytest.raises(RuntimeError, match="shard x: TypeError"):
        list(map_shards(shard_functions.sleep, ["x", *[0.1] * 500], client=two_workers))
    assert time.monotonic() - start < 10


def test_a_killed_worker_costs_nothing_but_time(tmp_path):
    """With one worker its copy of the payload dies with it, too."""
    payload = {"folder": str(tmp_path), "factor": 2}
    with client(1) as connected:
        pairs = dict(map_shards(shard_functions.die_once, range(8), client=connected, payload=payload))
    assert (tmp_path / "died").exists()
    assert pairs == {shard: 2 * shard for shard in range(8)}


def test_a_shard_that_kills_every_worker_is_named():
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        client(1) as connected,
        pytest.raises(OSError, match=r"shard 5: its worker process died 2 times .*fewer workers"),
    ):
        list(map_shards(shard_functions.die, [5], client=connected))


def test_a_scheduler_that_goes_away(capfd):
    script = (
        "import time; from distributed import LocalCluster\n"
        "options = dict(n_workers=1, processes=False, protocol='tcp', dashboard_address=None)\n"
        "cluster = LocalCluster(**options)\n"
        "print(cluster.scheduler_address, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().strip()
        with client(scheduler=address) as connected:
            pairs = map_shards(abs, range(10_000), client=connected, on_result=lambda *_: process.kill())
            with pytest.raises(
                OSError, match=r"shard \d+: the scheduler or all workers went away .*start the run again"
            ):
                list(pairs)


def test_workers_that_never_come_back_end_the_run(monkeypatch):
    monkeypatch.setattr(shards_module, "_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(shards_module, "_LOST_SECONDS", 1.0)
    with client(1) as connected:

        def leave(shard, result):
            connected.cluster.scale(0)

        with pytest.raises(OSError, match=r"shard \d: the scheduler or all workers went away"):
            list(map_shards(shard_functions.add_one, range(9), client=connected, on_result=leave))


def test_children_inside_a_worker(two_workers):
    assert dict(map_shards(shard_functions.total_in_child, [3, 4], client=two_workers)) == {3: 3.0, 4: 6.0}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_commit(tmp_path):
    final = tmp_path / "shards" / "00000"
    with commit_folder(final) as attempt:
        assert attempt.parent == final.parent
        (attempt / "audio").mkdir()
        (attempt / "audio" / "0.wav").write_bytes(b"1")
        (attempt / "items.parquet").touch()
        assert not final.exists()
    assert names(final) == ["audio", "items.parquet"]
    assert names(final.parent) == ["00000"]


@pytest.mark.parametrize("marker", ["items.parquet", "other"])
def test_a_slower_attempt_is_dropped(tmp_path, marker):
    final = tmp_path / "00000"
    with commit_folder(final, marker=marker) as slow:
        (slow / marker).write_text("slow")
        with commit_folder(final, marker=marker) as fast:
            (fast / marker).write_text("fast")
    assert (final / marker).read_text() == "fast"
    assert names(tmp_path) == ["00000"]


@pytest.mark.parametrize("rest", [[], ["audio.wav"]])
def test_a_broken_folder_is_replaced(tmp_path, rest):
    final = tmp_path / "00000"
    final.mkdir()
    for name in rest:
        (final / name).touch()
    shard_functions.write_shard(final)
    assert names(final) == ["a.wav", "b.npy", "items.parquet"]
    assert names(tmp_path) == ["00000"]


def test_a_file_in_the_way_is_replaced(tmp_path):
    (tmp_path / "00000").touch()
    shard_functions.write_shard(tmp_path / "00000")
    assert names(tmp_path / "00000") == ["a.wav", "b.npy", "items.parquet"]


def test_a_failed_attempt_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), commit_folder(tmp_path / "00000") as attempt:
        shutil.copy(__file__, attempt / "items.parquet").write_text(str(1 / 0))
    with (
        pytest.raises(ValueError, match=r"00000: cannot be committed, since items\.parquet was not written"),
        commit_folder(tmp_path / "00000"),
    ):
        pass
    assert names(tmp_path) == []


def test_many_attempts_at_once(tmp_path):
    final = tmp_path / "00000"
    crowd = [threading.Thread(target=shard_functions.write_shard, args=(final,)) for _ in range(8)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    assert names(final) == ["a.wav", "b.npy", "items.parquet"]
    assert names(tmp_path) == ["00000"]


def test_killed_at_any_moment_a_folder_is_whole_or_not_there(tmp_path):
    script = (
        "import sys; from pathlib import Path; from shard_functions import write_shard\n"
        "print('go', flush=True)\n"
        "for number in range(10**6): write_shard(Path(sys.argv[1], f'{number:05d}'))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    draws = random.Random(5)
    total = 0
    for attempt in range(5):
        folder = tmp_path / str(attempt)
        command = [sys.executable, "-c", script, folder]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"go\n"
        time.sleep(draws.uniform(0.0, 0.2))
        process.kill()
        process.wait()
        process.stdout.close()
        folder.mkdir(exist_ok=True)
        sweep_attempts(folder)
        for final in folder.iterdir():
            assert not final.name.startswith(".")
            sizes = {path.name: path.stat().st_size for path in final.iterdir()}
            assert sizes == {"a.wav": 500_000, "b.npy": 500_000, "items.parquet": 5}
            total += 1
    assert total > 0


def test_sweep_removes_attempts_and_nothing_else(tmp_path):
    assert sweep_attempts(tmp_path / "nowhere") == 0
    shard_functions.write_shard(tmp_path / "00000")
    for name in (".hidden", "a.tmp", ".x.tmp", ".git"):
        (tmp_path / name).touch()
    kept = names(tmp_path)
    with commit_folder(tmp_path / "00001") as attempt, atomic_write(tmp_path / "plan.parquet") as temporary:
        (attempt / "items.parquet").touch()
        temporary.touch()
        assert sweep_attempts(tmp_path) == 2
        assert names(tmp_path) == kept
        attempt.mkdir()
        (attempt / "items.parquet").touch()
        temporary.touch()
