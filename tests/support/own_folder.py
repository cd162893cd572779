"""Makes a folder of sounds like a user's: many formats and rates, and unfit files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from runtime.acoustics.pitch import note_to_hz, parse_note

RATE_HZ = 44100


def tone(note: float, seconds: float = 1.0, rate_hz: int = RATE_HZ, tilt: float = 1.2, decay_s: float = 0.0):
    """A harmonic tone with a peak of 0.3, float64 (n,). Harmonic k has the amplitude k ** -tilt.

    decay_s: time constant of the decay, in s; 0 for a steady tone.
    """
    time_s = np.arange(int(seconds * rate_hz)) / rate_hz
    first_hz = float(note_to_hz(note))
    numbers = np.arange(1, max(2, int(min(12000.0, 0.45 * rate_hz) / first_hz)))
    sound = sum(k**-tilt * np.sin(2.0 * np.pi * k * first_hz * time_s + k * k) for k in numbers)
    fade = np.minimum(1.0, np.minimum(time_s, time_s[::-1]) / 0.01)
    sound = sound * fade * (np.exp(-time_s / decay_s) if decay_s else 1.0)
    return 0.3 * sound / np.abs(sound).max()


def chord(notes: tuple[int, ...] = (60, 64, 67), seconds: float = 1.5) -> np.ndarray:
    return sum(tone(note, seconds) for note in notes) / len(notes)


def drums(seconds: float = 4.0, seed: int = 0) -> np.ndarray:
    """A drum of falling pitch on each beat, and a burst of noise between two beats."""
    random, sound = np.random.default_rng(seed), np.zeros(int(seconds * RATE_HZ))
    hit_s = np.arange(int(0.2 * RATE_HZ)) / RATE_HZ
    for number, start_s in enumerate(np.arange(0.0, seconds - 0.25, 0.25)):
        kick = np.sin(2.0 * np.pi * (50.0 * hit_s + 6.0 * (1.0 - np.exp(-hit_s / 0.03)))) * np.exp(-hit_s / 0.06)
        snare = random.standard_normal(len(hit_s)) * np.exp(-hit_s / 0.05) * 0.5
        start = int(start_s * RATE_HZ)
        sound[start : start + len(hit_s)] += (kick, snare)[number % 2]
    return 0.5 * sound


def speech(seconds: float = 4.0, seed: int = 0) -> np.ndarray:
    """A sound like speech: each syllable is a buzz of gliding pitch, then a hiss, then a pause."""
    random, parts = np.random.default_rng(seed), []
    while sum(map(len, parts)) < seconds * RATE_HZ:
        n = int(random.uniform(0.08, 0.22) * RATE_HZ)
        glide_hz = np.linspace(random.uniform(95.0, 180.0), random.uniform(95.0, 180.0), n)
        phase = 2.0 * np.pi * np.cumsum(glide_hz) / RATE_HZ
        formant = random.integers(3, 9)
        buzz = sum(np.exp(-(((k - formant) / 3.0) ** 2)) * np.sin(k * phase) for k in range(1, 25))
        parts += [0.2 * buzz * np.hanning(n), 0.05 * random.standard_normal(int(0.05 * RATE_HZ))]
        parts.append(np.zeros(int(random.uniform(0.02, 0.12) * RATE_HZ)))
    return np.concatenate(parts)[: int(seconds * RATE_HZ)]


def melody(notes: tuple[float, ...], seconds: float = 0.8) -> np.ndarray:
    return np.concatenate([tone(note, seconds) for note in notes])


def write(path: Path, sound: np.ndarray, rate_hz: int = RATE_HZ, subtype: str | None = None) -> Path:
    """Write a sound, (n,) or (n, n_channels); the file's suffix gives its format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kinds = {".opus": "OGG", ".oga": "OGG", ".aif": "AIFF", ".mp3": "MP3"}
    subtype = subtype or {".opus": "OPUS", ".mp3": "MPEG_LAYER_III"}.get(path.suffix)
    soundfile.write(path, sound, rate_hz, subtype=subtype, format=kinds.get(path.suffix))
    return path


def write_own_folder(folder: Path, take_s: float = 300.0) -> None:
    """Write a folder with unfit files and with sounds of many formats.

    take_s: length of the longest recording.
    """
    stereo = np.stack([tone(64), 0.5 * tone(64, tilt=1.5)], axis=1)
    write(folder / "Trompete/Trompete C4.wav", tone(60.12))
    write(folder / "Trompete/Trompete E4.wav", stereo, subtype="FLOAT")
    write(folder / "Trompete/Trompete G4.flac", tone(67, rate_hz=48000), 48000, "PCM_24")
    write(folder / "Trompete/Trompete B4.wav", tone(71, rate_hz=96000), 96000, "PCM_24")
    write(folder / "Trompete/Trompete D5.mp3", tone(74))
    write(folder / "Blöde Flöte/c5.ogg", tone(72, tilt=2.0))
    write(folder / "Blöde Flöte/e5.opus", tone(76, tilt=2.0, rate_hz=48000), 48000)
    write(folder / "Blöde Flöte/g#5.aiff", tone(80, tilt=2.0))
    write(folder / "Blöde Flöte/Bb5.wav", tone(82, tilt=2.0), subtype="PCM_U8")
    write(folder / "drum loop.wav", drums())
    write(folder / "chord.wav", chord())
    write(folder / "me talking.wav", speech())
    write(folder / "silence.wav", np.zeros(RATE_HZ))
    write(folder / "click.wav", tone(60, 0.02))
    (folder / "broken.wav").write_bytes(b"RIFF but nothing else" * 20)
    (folder / "voice memo.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(200))
    (folder / "read me.txt").write_text("recorded in the kitchen\n", encoding="utf-8")
    (folder / ".DS_Store").write_bytes(b"hidden")
    write(folder / "drone A2 long take.wav", tone(45, take_s), subtype="PCM_16")


def write_notes(folder: Path, names: dict[str, float], tilt: float = 1.2, seconds: float = 1.0) -> None:
    """Write steady tones, each into a file of its own.

    names: each key is a file's name, which ends with a note; its value says how many semitones the tone lies above
        this note.
    """
    for name, off in names.items():
        note = parse_note(name.rpartition(" ")[2].rpartition("/")[2])
        write(folder / f"{name}.wav", tone(note + off, seconds, tilt=tilt))
