"""ALSA announces removed ports; test_inputs.py tests JACK's announcements."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import rtmidi

from runtime.midi.port_announcements import announced_gone, announcer
from runtime.midi.rtmidi_apis import api_names

KEYS, TWIN, KNOBS = "Keys 49:Keys 49 MIDI 1 20:0", "Keys 49:Keys 49 MIDI 2 20:1", "nanoKONTROL2 24:0"


@pytest.mark.skipif(sys.platform != "linux", reason="ALSA is Linux's")
def test_alsas_announcements_name_the_ports_that_went() -> None:
    from alsa_midi import ClientExitEvent, PortExitEvent, PortStartEvent, PortSubscribedEvent

    for events, gone in (
        ([PortExitEvent((20, 0))], {KEYS}),
        ([PortExitEvent((20, 0)), PortStartEvent((20, 0))], {KEYS}),
        ([ClientExitEvent((20, 0))], {KEYS, TWIN}),
        ([ClientExitEvent((2, 0)), PortExitEvent((2, 0)), PortExitEvent((0, 20))], set()),
        ([PortStartEvent((24, 0)), PortSubscribedEvent((24, 0), (128, 0))], set()),
        ([], set()),
    ):
        assert announced_gone(events, [KEYS, TWIN, KNOBS]) == gone


@pytest.mark.skipif(sys.platform != "linux" or Path("/dev/snd/seq").exists(), reason="needs a missing sequencer")
def test_alsas_announcements_need_a_sequencer(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OSError, match="No such file"):
        announcer(api_names()["LINUX_ALSA"])()
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(sys.platform != "linux", reason="ALSA is Linux's")
def test_alsas_announcements_keep_the_port_that_hears_them(monkeypatch: pytest.MonkeyPatch) -> None:
    import alsa_midi

    closed: list[int] = []
    monkeypatch.setattr(alsa_midi.Port, "connect_from", lambda _self, _from: None)
    monkeypatch.setattr(alsa_midi.Port, "close", lambda self: closed.append(self.port_id))
    monkeypatch.setattr(alsa_midi, "SequencerClient", _ClientWithoutSequencer)
    monkeypatch.setattr(alsa_midi, "alsa", SimpleNamespace(snd_seq_poll_descriptors=lambda *_: 1))
    announcements = announcer(api_names()["LINUX_ALSA"])()
    gc.collect()
    assert closed == []
    announcements.close()


class _ClientWithoutSequencer:
    handle, client_id = None, 128

    def __init__(self, _name: str):
        pass

    def create_port(self, *_: object) -> object:
        import alsa_midi

        return alsa_midi.Port(self, 7)

    def close(self) -> None:
        pass


def test_an_api_without_announcements_is_only_polled() -> None:
    assert announcer(rtmidi.API_RTMIDI_DUMMY) is None
