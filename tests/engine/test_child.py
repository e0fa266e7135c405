"""Child processes: values there and back, crashes, time limits, recycling, nothing left behind."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from percepkit.engine.child import Child, ChildCrashed, ChildError, ChildTimeout

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def echo():
    with Child("child_functions:echo", timeout_seconds=20) as child:
        yield child


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.parametrize(
    "array",
    [
        np.arange(5, dtype="float32"),
        np.zeros((0, 34)),
        np.array(2.5),
        np.asfortranarray(np.arange(12).reshape(3, 4)),
        np.array([1 + 2j], dtype="complex64"),
        np.array([np.nan, np.inf, -0.0]),
        np.arange(3, dtype=">i2"),
        np.random.default_rng(0).normal(size=1_500_000),  # many times what a pipe holds
    ],
    ids=lambda array: f"{array.dtype}-{array.shape}",
)
def test_arrays_come_back_as_they_were(echo, array):
    returned = echo.call(x=array)["x"]
    assert returned.dtype == array.dtype
    np.testing.assert_array_equal(returned, array)
    returned += 1  # ours to change


def test_nested_values_come_back(echo):
    values = {
        "a": [1, 2.5, None, True, "ü\n"],
        "b": {"c": [np.arange(2), {"d": np.ones(3)}]},
        "e": float("inf"),
    }
    returned = echo.call(**values)
    assert returned["a"] == values["a"]
    assert returned["e"] == values["e"]
    np.testing.assert_array_equal(returned["b"]["c"][0], [0, 1])
    np.testing.assert_array_equal(returned["b"]["c"][1]["d"], np.ones(3))


@pytest.mark.parametrize(
    "value, error",
    [(object(), TypeError), (np.array([object()]), ValueError), ({"__array__": 1}, ValueError)],
)
def test_values_that_cannot_travel_are_refused_before_they_do(echo, value, error):
    with pytest.raises(error):
        echo.call(value=value)
    assert echo.call(value=1) == {"value": 1}


def test_numpy_scalar_result():
    with Child("child_functions:total", timeout_seconds=20) as child:
        assert child.call(x=np.arange(4.0), factor=0.5) == 3.0


def test_what_the_function_prints_does_not_disturb():
    with Child("child_functions:chatty", timeout_seconds=20) as child:
        assert [child.call(), child.call()] == ["said", "said"]


def test_error_of_the_function_leaves_the_child_alive():
    with Child("child_functions:fail", timeout_seconds=20) as child:
        for _ in range(2):
            with pytest.raises(ChildError, match="KeyError: 'no such key'") as caught:
                child.call(message="no such key")
            assert (caught.value.type_name, caught.value.message) == ("KeyError", "'no such key'")
        pid = child._process.popen.pid
        with pytest.raises(ChildError, match="TypeError"):
            child.call()
        assert child._process.popen.pid == pid


@pytest.mark.parametrize("name, kind", [("leave", "SystemExit"), ("unjsonable", "TypeError")])
def test_other_failures_of_the_function(name, kind):
    with Child(f"child_functions:{name}", timeout_seconds=20) as child, pytest.raises(ChildError, match=kind):
        child.call()


@pytest.mark.parametrize(
    "target, match",
    [("no_such_module:f", "ModuleNotFoundError.*no_such_module"), ("math:f", "AttributeError")],
)
def test_function_that_does_not_exist(target, match):
    with Child(target, timeout_seconds=20) as child, pytest.raises(ChildError, match=match):
        child.call()


def test_crash_names_the_signal_and_the_last_words_and_the_next_call_works():
    with Child("child_functions:segfault", timeout_seconds=20) as child:
        for _ in range(2):
            with pytest.raises(ChildCrashed, match=r"segfault .* by SIGSEGV: the last words") as caught:
                child.call()
            assert caught.value.signal == "SIGSEGV"


def test_child_that_leaves_by_itself():
    with Child("child_functions:exit_at_once", timeout_seconds=20) as child:
        with pytest.raises(ChildCrashed, match="exit code 3") as caught:
            child.call()
        assert caught.value.signal is None


def test_time_limit_kills_the_child_and_its_children(tmp_path):
    with Child("child_functions:hang", timeout_seconds=0.3) as child:
        with pytest.raises(ChildTimeout, match=r"hang took longer than 0\.3 s"):
            child.call(pid_file=str(tmp_path / "pid"))
        grandchild = int((tmp_path / "pid").read_text())
        until = time.monotonic() + 5
        while is_alive(grandchild) and time.monotonic() < until:
            time.sleep(0.01)
        assert not is_alive(grandchild)


def test_recycled_after_so_many_calls():
    with Child("child_functions:process_id", timeout_seconds=20, recycle_after=2) as child:
        answers = [child.call() for _ in range(5)]
    pids = [answer["pid"] for answer in answers]
    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4]
    assert os.getpid() not in pids
    assert {answer["threads"] for answer in answers} == {"1"}
    assert {answer["stdin"] for answer in answers} == {""}  # the frames' pipe is out of its reach
    assert not any(is_alive(pid) for pid in pids)


def test_children_end_with_the_interpreter_and_with_a_killed_one():
    script = (
        "import os, sys, time\n"
        "from percepkit.engine.child import Child\n"
        "child = Child('child_functions:process_id', timeout_seconds=20)\n"
        "print(child.call()['pid'], flush=True)\n"
        "if sys.argv[1] == 'killed': os.kill(os.getpid(), 9)\n"
    )
    for how, code in (("left", 0), ("killed", -9)):
        environment = {**os.environ, "PYTHONPATH": str(HERE)}
        command = [sys.executable, "-W", "error", "-c", script, how]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
        assert (done.returncode, done.stderr) == (code, "")
        until = time.monotonic() + 5
        while is_alive(int(done.stdout)) and time.monotonic() < until:
            time.sleep(0.01)
        assert not is_alive(int(done.stdout))


@pytest.mark.parametrize(
    "arguments, match",
    [
        (("math.sqrt", 1.0), "expected 'module:function', found 'math.sqrt'"),
        (("math:sqrt", 0.0), "timeout_seconds: expected a number above 0"),
        (("math:sqrt", float("inf")), "timeout_seconds"),
    ],
)
def test_bad_arguments(arguments, match):
    with pytest.raises(ValueError, match=match):
        Child(*arguments)
    with pytest.raises(ValueError, match="recycle_after: expected at least 1, found 0"):
        Child("math:sqrt", 1.0, recycle_after=0)
