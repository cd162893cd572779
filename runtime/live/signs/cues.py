"""Makes the sounds of the cues (short signals). A separate engine plays their notes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from runtime.config import Adsr, Config, VoiceConfig
from runtime.engine.engine import Engine
from runtime.events import NoteOff, NoteOn
from runtime.instrument.decoder import Decoder
from runtime.sound.patch import Patch

CHIME, WAITING, YES = "chime", "waiting", "yes"
# Each note: (its start in s, its MIDI number). The pitch of CHIME rises. The pitch of WAITING falls twice, with a pause
# between. YES is a rising fifth.
NOTES = {
    CHIME: ((0.0, 60), (0.12, 67), (0.24, 72), (0.36, 76)),
    WAITING: ((0.0, 67), (0.2, 60), (0.6, 67), (0.8, 60)),
    YES: ((0.0, 72), (0.14, 79)),
}
PEAK = 0.125  # -18 dB: clear beside music, but no shock in silence
_NOTE_S, _RING_S, _FADE_S = 0.15, 0.5, 0.03
_VELOCITY, _BLOCK_FRAMES = 90, 256
# The cues have no filter and no modulation.
_SETTINGS = Config(
    phase_blend=1.0, voice=VoiceConfig(n_voices=4, envelope=Adsr(decay_s=0.4, sustain=0.0, release_s=0.2))
)


def make_cues(instrument: Path, sample_rate_hz: int, volume_db: float = 0.0) -> dict[str, np.ndarray]:
    """Make every cue of NOTES, and return them by name, each float32 (n_frames, 2).

    The cues of all instruments have the same peak.

    volume_db: a negative volume lowers the peak; a positive one does not raise it.

    `make_cues` takes long, because it loads the instrument again: another thread may be playing the loaded one.
    UserError, from Decoder, if the instrument cannot be loaded.
    """
    engine = Engine(Decoder(instrument), sample_rate_hz=sample_rate_hz, patch=Patch(_SETTINGS))
    peak = PEAK * min(1.0, 10.0 ** (volume_db / 20.0))
    return {name: _played(engine, notes, peak) for name, notes in NOTES.items()}


def _played(engine: Engine, notes: tuple[tuple[float, int], ...], peak: float) -> np.ndarray:
    rate_hz, begin = engine.sample_rate_hz, engine.frame
    sound = np.zeros((round((notes[-1][0] + _NOTE_S + _RING_S) * rate_hz), 2), np.float32)
    for at_s, note in notes:
        engine.post(NoteOn(0, note, _VELOCITY), begin + round(at_s * rate_hz))
        engine.post(NoteOff(0, note), begin + round((at_s + _NOTE_S) * rate_hz))
    for first in range(0, len(sound), _BLOCK_FRAMES):
        engine.render(sound[first : first + _BLOCK_FRAMES])
    n_fade = round(_FADE_S * rate_hz)
    sound[-n_fade:] *= np.linspace(1.0, 0.0, n_fade, dtype=np.float32)[:, None]
    loudest = float(np.abs(sound).max())
    return sound * np.float32(peak / loudest) if loudest > 0.0 else sound
