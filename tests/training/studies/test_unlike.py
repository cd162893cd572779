"""The errors between recordings and their decoded paths are reported by sound, time, frequency and level."""

from __future__ import annotations

import numpy as np

from runtime.acoustics.timbre_distance import N_BANDS
from training.measure.likeness import Take
from training.studies.unlike import Error, by_frequency, by_level, by_sound, by_time


def error(sound: str, n: int, error_db: np.ndarray, level_db: float) -> Error:
    """The error for a recording of n frames.

    error_db: by how many dB the decoded frames are louder than the recorded ones, for each band.
    level_db: the recording's level in every band.
    """
    levels_db = np.full((n, N_BANDS), level_db, np.float32)
    take = Take((sound, None), 60, False, 0, np.zeros((n, 1), np.float32), levels_db)
    return Error(take, np.broadcast_to(error_db, (n, N_BANDS)))


def test_errors_are_told_apart():
    low = np.where(np.arange(N_BANDS) == 0, 8.0, 0.0)  # an error only in the lowest band, at 76 Hz
    errors = [error("low", 20, low, -60.0), error("all", 4, np.full(N_BANDS, 3.0), -10.0)]
    assert by_sound(errors) == {"all": "3.00 dB", "low": "1.00 dB"}
    assert by_time(errors) == {"0-1": "2.00 dB", "2-5": "2.00 dB", "6-15": "1.00 dB", "16-95": "1.00 dB"}
    assert by_frequency(errors[:1])["750-3000"] == "0.00 dB"
    assert by_frequency(errors[:1])["0-250"] != "0.00 dB"
    assert by_frequency(errors[1:])["3000-16000"] == "3.00 dB"
    assert by_level(errors) == {
        "-60 to -60": "83% of bands, 36% of the error",
        "-60 to -30": "0% of bands, 0% of the error",
        "-30 to 0": "17% of bands, 64% of the error",
    }
