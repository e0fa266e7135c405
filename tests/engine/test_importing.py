import math

import pytest

from percepkit.engine.importing import import_attribute


def test_functions_are_found_by_name():
    assert import_attribute("math:hypot") is math.hypot
    assert import_attribute("os.path:join")("a", "b") == "a/b"


@pytest.mark.parametrize(
    "name, message",
    [
        ("no_such_module:f", r"cannot import 'no_such_module' .*PYTHONPATH"),
        ("math:no_such", r"module 'math' has no 'no_such'; give MODULE:FUNCTION"),
        ("math", r"module 'math' has no ''"),
        (":f", r"cannot import ''"),
    ],
)
def test_what_is_not_there_is_named(name, message):
    with pytest.raises(ValueError, match=message):
        import_attribute(name)
