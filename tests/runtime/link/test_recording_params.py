"""The player and the page use one definition of the params of the request `record`."""

from __future__ import annotations

import msgspec

from runtime.link.recording import Record
from runtime.live import recorder
from runtime.panel.files import requests


def test_the_player_and_the_page_use_one_definition() -> None:
    assert recorder.Record is Record is requests.Record
    defined = [each for each in msgspec.Struct.__subclasses__() if "seconds_before" in each.__struct_fields__]
    assert defined == [Record]
