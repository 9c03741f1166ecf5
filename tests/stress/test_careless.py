"""Nobody notices objects that are forgotten, disposed during calls, or disposed twice. `python -m stress` does more."""

from __future__ import annotations

import pytest
from stress import careless, kills


@pytest.mark.parametrize("system", kills.SYSTEMS)
def test_careless_threads_do_no_harm(system: str) -> None:
    done = careless.run(system, 5, seed=1)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
