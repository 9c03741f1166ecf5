"""Nobody notices objects that are forgotten, disposed during calls, or disposed twice. `python -m stress` does more."""

from __future__ import annotations

from stress import careless


def test_careless_threads_do_no_harm() -> None:
    done = careless.run(5, seed=1)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
