"""One transform makes a hop's sound: the sum of four overlapping windows."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.acoustics.spectrum import StftSpec, periodic_hann
from runtime.engine.sounding.hop_groups import HopGroups
from runtime.engine.synthesis.hops import MAX_ROWS, HopSynthesis, engine_hop_size
from runtime.engine.synthesis.lanes import runs_of
from runtime.engine.synthesis.phases.noise import _FLAT_GAIN, N_NOISE_SPECTRA, noise_phasors, noise_taps
from runtime.engine.synthesis.phases.taps import N_OVERLAPS, neighbour_pairs, new_pairs, write_pairs

SPEC = StftSpec()
SEED = 5


@pytest.fixture(scope="module")
def synthesis() -> HopSynthesis:
    return HopSynthesis(SPEC, SPEC.sample_rate_hz, SEED)


def spectra(n: int, n_bins: int) -> np.ndarray:
    """Random magnitudes of n lanes. The lowest and highest bins are 0, because their lobes would be cut off."""
    magnitudes = np.random.default_rng(n).random((n, SPEC.n_bins), np.float32)
    magnitudes[:, : SPEC.first_heard_bin + 1] = magnitudes[:, n_bins - 1 :] = 0.0
    return magnitudes


def pairs_of(magnitudes: np.ndarray, n_bins: int) -> np.ndarray:
    pairs = new_pairs(len(magnitudes), n_bins)
    write_pairs(magnitudes, pairs)
    return neighbour_pairs(pairs)


@pytest.mark.parametrize(("lane", "noise_index"), [(0, 7), (15, 2), (3, N_NOISE_SPECTRA - 1)])
def test_a_hop_is_the_sum_of_four_windows(synthesis: HopSynthesis, lane: int, noise_index: int) -> None:
    magnitudes = spectra(1, synthesis.n_bins)
    window, hop_size = periodic_hann(SPEC.frame_size), SPEC.hop_size
    first_bin = 4 * lane  # in the stored noise, each lane begins four bins above the previous lane
    phasors = noise_phasors(first_bin + synthesis.n_bins, SPEC.frame_size, hop_size, SEED)[:, first_bin:]
    wanted = np.zeros(hop_size)
    for k in range(N_OVERLAPS):  # window k began k hops ago
        spectrum = np.zeros(SPEC.n_bins, np.complex128)
        spectrum[: synthesis.n_bins] = magnitudes[0, : synthesis.n_bins] * phasors[noise_index - k]
        windowed = window * np.fft.irfft(spectrum) * SPEC.frame_size / _FLAT_GAIN
        wanted += windowed[k * hop_size : (k + 1) * hop_size]
    found = synthesis.hops(pairs_of(magnitudes, synthesis.n_bins), noise_index, lane)[0, :hop_size]
    np.testing.assert_allclose(found, wanted, atol=2e-6 * np.abs(wanted).max() * SPEC.frame_size**0.5)


@pytest.mark.parametrize("n_rows", range(1, MAX_ROWS + 1))
def test_a_row_is_the_same_to_the_bit_with_any_number_of_other_rows(synthesis: HopSynthesis, n_rows: int) -> None:
    magnitudes = spectra(MAX_ROWS, synthesis.n_bins)
    pairs = pairs_of(magnitudes, synthesis.n_bins)
    together = synthesis.hops(pairs[:n_rows], 9).copy()
    for row in range(n_rows):
        assert np.array_equal(synthesis.hops(pairs[row : row + 1], 9, row)[0], together[row])


def test_earlier_hops_leave_no_trace(synthesis: HopSynthesis) -> None:
    first = synthesis.hops(pairs_of(spectra(3, synthesis.n_bins), synthesis.n_bins), 4).copy()
    synthesis.hops(pairs_of(np.ones((MAX_ROWS, SPEC.n_bins), np.float32), synthesis.n_bins), 11)
    assert np.array_equal(synthesis.hops(pairs_of(spectra(3, synthesis.n_bins), synthesis.n_bins), 4), first)


@pytest.mark.parametrize("sample_rate_hz", [22050, 44100, 48000, 96000])
def test_the_hop_size_is_the_same_with_and_without_tables(sample_rate_hz: int) -> None:
    assert engine_hop_size(SPEC, sample_rate_hz) == HopSynthesis(SPEC, sample_rate_hz, SEED).hop_size


@pytest.mark.parametrize("n_lanes", [1, 16, 17, 33, 64])
def test_the_earliest_hop_is_never_after_the_next_and_is_one_of_a_group(n_lanes: int) -> None:
    hops = HopGroups(n_lanes, SPEC.hop_size)
    offsets = {group.offset for group in hops.groups}
    assert len(hops.of_lane) == n_lanes
    for group in hops.groups:
        group.due = 0  # as if the group sounded; `due` of a silent group is NEVER
    for frame in range(3000):
        earliest = hops.earliest_hop(frame)
        assert earliest == hops.next_hop(frame) >= frame
        assert earliest % SPEC.hop_size in offsets


def test_lanes_are_grouped_into_runs_of_neighbours() -> None:
    assert runs_of([]) == []
    assert runs_of([3]) == [slice(3, 4)]
    assert runs_of([0, 1, 2, 5, 7, 8]) == [slice(0, 3), slice(5, 6), slice(7, 9)]


def test_engines_with_the_same_seed_share_their_noise() -> None:
    one, same, other = (noise_taps(2049, 4096, 1024, seed) for seed in (5, 5, 6))
    assert one is same
    assert not np.array_equal(one[0, 0], other[0, 0])
    assert not one.flags.writeable
