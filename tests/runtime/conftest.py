"""A real JACK server."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.support.rig import JackServer, missing_tools


@pytest.fixture(scope="module")
def jack_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JackServer]:
    """A running JACK server; without jackd, the test fails on CI and is skipped elsewhere."""
    missing = missing_tools()
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    with JackServer(tmp_path_factory.mktemp("jack") / "jackd.log") as server:
        yield server


@pytest.fixture
def on_rig(jack_server: JackServer, monkeypatch: pytest.MonkeyPatch) -> JackServer:
    """The JACK server to which this process's JACK clients connect."""
    for name in ("JACK_DEFAULT_SERVER", "JACK_NO_START_SERVER"):
        monkeypatch.setenv(name, jack_server.env[name])
    return jack_server
