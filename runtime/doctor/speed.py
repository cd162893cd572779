"""Checks whether this machine is fast enough: lets an engine play in a separate process and measures its blocks."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from runtime.audio.output import FALLBACK_RATE_HZ, NO_DEVICE, NullOutput
from runtime.base.errors import UserError
from runtime.base.realtime import prepare_process
from runtime.bench.playing import VELOCITY, knob_turns, spread_note
from runtime.config import Adsr, Config, VoiceConfig
from runtime.doctor.findings import BAD, GOOD, MEND, Finding, Given, NoAnswerError, ask_process
from runtime.engine.build import warm_up
from runtime.events import NoteOn
from runtime.instrument.decoder import Decoder
from runtime.instrument.library import find
from runtime.rack.build import build_rack
from runtime.rack.rack import Rack
from runtime.sound.patch import Patch

PLAYED_S = 4.0
PATIENCE_S = 60.0
ROOM = 0.7  # if blocks take more than this share of their duration, a little more work would make them late
_LOOK_S = 0.2
_N_NOT_JUDGED = 16  # the first blocks are left out: they are slow, because they use memory for the first time
LARGEST_BUFFER_FRAMES = 2048


def check_speed(given: Given) -> list[Finding]:
    """Measure how long blocks take while all voices sound and every knob moves."""
    if given.playing is not None:
        return [Finding("Speed", GOOD, "not measured, because that would disturb what plays; see Playing")]
    audio, n_voices = given.config.audio, given.config.voice.n_voices
    rate_hz = given.figures.get("sample_rate_hz") or audio.sample_rate_hz or FALLBACK_RATE_HZ
    try:
        instrument = find(given.instrument or given.config.instrument).resolve()
        values = instrument, n_voices, audio.buffer_frames, rate_hz
        measured = ask_process("runtime.doctor.speed", *values, limit_s=PATIENCE_S)
    except UserError as error:
        return [Finding("Speed", BAD, f"cannot be measured: {error}", "mend the instrument first")]
    except NoAnswerError as error:
        return [Finding("Speed", BAD, f"cannot be measured: {error}", "mend what the other lines name, then try again")]
    given.figures["speed"] = measured
    return [_judged(measured)]


def _judged(measured: dict) -> Finding:
    p99_ms, budget_ms = measured["p99_ms"], measured["budget_ms"]
    says = (
        f"99 of 100 blocks take at most {p99_ms:.1f} ms, and have {budget_ms:.1f} "
        f"({measured['voices']} voices, {measured['buffer']} frames); the slowest took {measured['max_ms']:.1f}"
    )
    if p99_ms <= ROOM * budget_ms:
        return Finding("Speed", GOOD, says)
    # Larger blocks help if single blocks are delayed. Fewer voices are less work, which helps in any case.
    buffer_frames = 2 * measured["buffer"]
    if buffer_frames <= LARGEST_BUFFER_FRAMES:
        remedy = f"./timbrebox play --buffer {buffer_frames} (or fewer voices, in the settings: voice: {{n_voices: 8}})"
    else:
        remedy = "in the settings, fewer voices: voice: {n_voices: 8}"
    if not measured["real_time"]:
        remedy = f"first mend Real time, above; then: {remedy}"
    if p99_ms <= budget_ms:
        return Finding("Speed", MEND, f"{says}: little room is left", remedy)
    return Finding("Speed", BAD, f"{says}: voices will be dropped, and the sound will break up", remedy)


class _Moved:
    """A rack whose knobs all move in every block."""

    def __init__(self, rack: Rack, n_latents: int):
        self._rack, self._n_latents = rack, n_latents

    @property
    def frame(self) -> int:
        return self._rack.frame

    def render(self, out: np.ndarray) -> None:
        for turn in knob_turns(self._n_latents, self._rack.frame / self._rack.sample_rate_hz):
            self._rack.post(turn)
        self._rack.render(out)


def _played(instrument: Path, n_voices: int, buffer_frames: int, sample_rate_hz: int) -> dict[str, object]:
    decoder = Decoder(instrument)
    envelope = Adsr(attack_s=0.0)
    patch = Patch(Config(voice=VoiceConfig(n_voices=n_voices, envelope=envelope)))
    warm_up(patch, decoder, sample_rate_hz)
    rack = build_rack(patch, decoder, sample_rate_hz)
    for number in range(n_voices):
        rack.post(NoteOn(0, spread_note(decoder, number), VELOCITY))
    output = NullOutput(sample_rate_hz, buffer_frames)
    prepare_process()
    output.start(_Moved(rack, decoder.card.n_latents))
    loads, n_seen, begin_s = [], _N_NOT_JUDGED, time.monotonic()
    while time.monotonic() - begin_s < PLAYED_S:
        time.sleep(min(_LOOK_S, 128 * buffer_frames / sample_rate_hz))
        n_now = output.blocks.loads.n_blocks
        loads.append(output.blocks.loads.since(n_seen)[: max(0, n_now - n_seen)])
        n_seen = max(n_seen, n_now)
    output.close()
    budget_ms = buffer_frames / sample_rate_hz * 1e3
    p50_ms, p99_ms, max_ms = np.percentile(np.concatenate(loads), [50, 99, 100]) * budget_ms
    return {
        "output": NO_DEVICE,
        "voices": n_voices,
        "buffer": buffer_frames,
        "sample_rate_hz": sample_rate_hz,
        "real_time": output.blocks.realtime,
        "n_blocks": sum(map(len, loads)),
        "budget_ms": budget_ms,
        "p50_ms": float(p50_ms),
        "p99_ms": float(p99_ms),
        "max_ms": float(max_ms),
    }


def main() -> None:
    """Measure what the command line's arguments say, and print the figures as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("instrument", type=Path)
    for name in ("n_voices", "buffer_frames", "sample_rate_hz"):
        parser.add_argument(name, type=int)
    print(json.dumps(_played(**vars(parser.parse_args()))))


if __name__ == "__main__":
    main()
