"""The OpenMP runtime is found on machines that have none of their own."""

import sys

import pytest

from backend.engine import openmp


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux wheels need it")
def test_torchs_copy_serves_where_the_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    found = openmp._candidates()
    assert found[0] == openmp.LIBRARY
    monkeypatch.setattr(openmp, "_candidates", lambda: ["libno-such-gomp.so.9", *found[1:]])
    assert openmp.provide_openmp()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux wheels need it")
def test_a_machine_without_any_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openmp, "_candidates", lambda: ["libno-such-gomp.so.9"])
    assert not openmp.provide_openmp()
