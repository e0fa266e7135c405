"""The cluster: every way to get one, what workers inherit, scripts without a main guard."""

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import urllib.request
from pathlib import Path

import pytest
import shard_functions
from distributed import LocalCluster

from percepkit.engine.cluster import Serial, client
from percepkit.engine.shards import map_shards

WORK = """
from percepkit.engine.cluster import client
from percepkit.engine.shards import map_shards

def double(shard):
    return 2 * shard

def work():
    with client(1) as connected:
        print(sorted(map_shards(double, [1, 2], client=connected)))
"""


def run(*arguments, script="", **options):
    command = [sys.executable, "-W", "error::ResourceWarning", *arguments]
    return subprocess.run(command, input=script, capture_output=True, text=True, timeout=60, **options)


def test_dashboard_is_open_to_this_computer_on_a_free_port(two_workers):
    assert two_workers.dashboard_link.startswith("http://127.0.0.1:")
    assert "8787" not in two_workers.dashboard_link
    with urllib.request.urlopen(two_workers.dashboard_link.replace("/status", "/health"), timeout=10) as page:
        assert page.status == 200


def test_workers_have_one_thread_and_load_nothing_heavy(two_workers):
    answers = [answer for _, answer in map_shards(shard_functions.surroundings, range(8), client=two_workers)]
    assert {tuple(answer["threads"]) for answer in answers} == {("1", "1", "1")}
    assert os.getpid() not in {answer["pid"] for answer in answers}
    assert all(answer["heavy"] == [] for answer in answers)
    assert sorted(two_workers.nthreads().values()) == [1, 1]


def test_second_cluster_at_the_same_time_and_all_is_tidied_up(two_workers, monkeypatch, tmp_path):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = dict(os.environ)
    with client(1) as other:
        (_, answer), *_ = map_shards(shard_functions.surroundings, [0], client=other)
        assert answer["threads"][0] == "1"
        assert other.dashboard_link != two_workers.dashboard_link
    assert dict(os.environ) == before
    assert list(tmp_path.iterdir()) == []
    assert subprocess.run(["kill", "-0", str(answer["pid"])], capture_output=True).returncode != 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_threads_stay_in_this_process():
    with client(3, processes=False) as connected:
        answers = list(map_shards(shard_functions.surroundings, range(4), client=connected))
        assert {answer["pid"] for _, answer in answers} == {os.getpid()}
        assert sum(connected.nthreads().values()) == 3
        assert connected.dashboard_link.startswith("http://127.0.0.1:")


def test_without_workers_there_is_no_cluster():
    with client(0) as serial:
        assert isinstance(serial, Serial)
        assert serial.dashboard_link == ""


def test_a_running_scheduler_is_used_and_left_running():
    with LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, protocol="tcp", dashboard_address=None
    ) as cluster:
        for _ in range(2):
            with client(scheduler=cluster.scheduler_address) as connected:
                pairs = map_shards(shard_functions.scale, range(5), client=connected, payload={"factor": 3})
                assert dict(pairs) == {shard: 3 * shard for shard in range(5)}
        assert cluster.scheduler.status.name == "running"


@pytest.mark.parametrize("address", ["nowhere", "tcp://127.0.0.1:1", "carrier-pigeon://a:1", ""])
def test_wrong_address_is_named_in_seconds(address, monkeypatch):
    monkeypatch.setattr("percepkit.engine.cluster._CONNECT_SECONDS", 0.5)
    start = time.monotonic()
    with (
        pytest.raises(ValueError, match=f"no Dask scheduler answers at '{address}' .*expected an address"),
        client(scheduler=address),
    ):
        pass
    assert time.monotonic() - start < 5


def test_address_of_something_else(two_workers, monkeypatch):
    monkeypatch.setattr("percepkit.engine.cluster._CONNECT_SECONDS", 0.5)
    address = two_workers.dashboard_link.replace("http", "tcp").removesuffix("/status")
    with pytest.raises(ValueError, match="no Dask scheduler answers"), client(scheduler=address):
        pass


def test_negative_number_of_workers():
    with pytest.raises(ValueError, match="workers: expected 0 or more, found -1"), client(-1):
        pass


def test_script_without_main_guard_gets_one_line(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(WORK + "work()\n")
    done = run(str(script))
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {script}: ")
    assert "if __name__ == '__main__':" in line


def test_script_with_main_guard(tmp_path):
    """The guard may have another shape than the usual one, and the call may stand deep inside it."""
    script = tmp_path / "script.py"
    guard = "import sys\nif '__main__' == __name__ and sys.argv:\n    with open(__file__):\n        work()\n"
    script.write_text(WORK + guard)
    done = run(str(script))
    assert (done.stdout, done.stderr, done.returncode) == ("[(1, 2), (2, 4)]\n", "", 0)


@pytest.mark.parametrize("arguments", [("-c", WORK + "work()\n"), ("-",)], ids=["-c", "stdin"])
def test_command_line_and_piped_scripts_work_without_a_guard(arguments):
    done = run(*arguments, script=WORK + "work()\nassert globals().get('__file__') in (None, '<stdin>')\n")
    assert (done.stdout, done.stderr, done.returncode) == ("[(1, 2), (2, 4)]\n", "", 0)


def test_script_without_main_guard_may_use_threads(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(WORK.replace("client(1)", "client(1, processes=False)") + "work()\n")
    done = run(str(script))
    assert (done.stdout, done.stderr, done.returncode) == ("[(1, 2), (2, 4)]\n", "", 0)


def test_ctrl_c_ends_everything_soon_with_one_traceback(tmp_path):
    """A terminal sends the signal to the script and its workers alike."""
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import sys
            sys.path.insert(0, {str(Path(__file__).parent)!r})
            from shard_functions import leave_mark_and_sleep
            from percepkit.engine.cluster import client
            from percepkit.engine.shards import map_shards
            if __name__ == "__main__":
                with client(2) as connected:
                    shards = map_shards(leave_mark_and_sleep, range(9), client=connected, payload=sys.argv[1])
                    list(shards)
            """
        )
    )
    process = subprocess.Popen(
        [sys.executable, script, tmp_path], start_new_session=True, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 30
    while not {"0", "1"} & {path.name for path in tmp_path.iterdir()} and time.monotonic() < until:
        time.sleep(0.02)
    start = time.monotonic()
    assert start < until
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert time.monotonic() - start < 10
    assert stderr.rstrip().endswith("KeyboardInterrupt")
    assert stderr.count("Traceback") == 1
    assert not {"5", "6", "7", "8"} & {path.name for path in tmp_path.iterdir()}
