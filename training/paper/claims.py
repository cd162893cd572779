"""Tests each of the paper's findings on our runs. Source: Colonel and Keene 2020."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from training.paper.results import (
    Measure,
    Results,
    correlation,
    density,
    error_per_sound,
    held_out_error,
    mesh_measure,
    short_name,
)
from training.paper.verdicts import Comparison, Verdict, is_less, is_so, overall

COLLAPSED_NATS = 0.01  # a latent with a smaller divergence has collapsed: the decoder learns nothing from it
PITCH_IDLE = 0.10  # a latent that changes the pitch class on at most this share of its travel does not move the pitch
CORPORA = ("one-octave", "violin")
CONDITIONED = (
    "paper-one-octave-2-sigmoid-skip",
    "paper-one-octave-2-lrelu-skip",
    "paper-one-octave-3-sigmoid-skip",
    "paper-one-octave-8-sigmoid-skip",
    "paper-violin-2-sigmoid-skip",
    "paper-violin-2-lrelu-skip",
    "paper-violin-3-sigmoid-skip",
    "paper-violin-8-sigmoid-skip",
)
VARIATIONAL = "paper-one-octave-8-variational-no-skip"


@dataclass(frozen=True)
class Claim:
    """One finding of the paper.

    key: its name in notes.yaml.
    source: the part of the paper that shows it.
    text: the finding in words.
    test: yields the comparisons that the verdict needs, and None for each that lacks a run.
    """

    key: str
    source: str
    text: str
    test: Callable[[Results], Iterator[Comparison | None]]


@dataclass(frozen=True)
class Outcome:
    """A claim, its verdict on our runs, and the comparisons behind it."""

    claim: Claim
    verdict: Verdict
    comparisons: list[Comparison]


def outcomes(results: Results) -> list[Outcome]:
    """Test all CLAIMS on these results."""
    tested = []
    for claim in CLAIMS:
        found = list(claim.test(results))
        comparisons = [comparison for comparison in found if comparison is not None]
        tested.append(Outcome(claim, overall(comparisons, len(comparisons) == len(found)), comparisons))
    return tested


def _less(results: Results, smaller: str, larger: str, measure: Measure) -> Comparison | None:
    """Test whether the model `smaller` has a smaller value of a measure than `larger`; None if a value is missing.

    smaller, larger: configs of the models. If their runs differ in the number of epochs, the verdict is
        "not separable".
    """
    values = results.values(smaller, measure), results.values(larger, measure)
    if values[0] is None or values[1] is None:
        return None
    epochs = {config: sorted({run.n_epochs for run in results.of(config)}) for config in (smaller, larger)}
    if len({n for counts in epochs.values() for n in counts}) > 1:
        text = " and ".join(f"{short_name(config)} for {', '.join(map(str, n))}" for config, n in epochs.items())
        n_seeds, n_epochs = min(map(len, map(results.of, epochs))), min(map(min, epochs.values()))
        return Comparison("not separable", f"trained for different numbers of epochs: {text}", n_seeds, n_epochs)
    comparison = is_less(*values, results.spread(measure))
    if measure is held_out_error:
        comparison = replace(comparison, text=f"{comparison.text}; {_sounds_with_less(results, smaller, larger)}")
        comparison = _on_further_sounds(results, smaller, larger, comparison)
    return comparison


def _sounds_with_less(results: Results, smaller: str, larger: str) -> str:
    ours, theirs = results.error_by_sound(smaller), results.error_by_sound(larger)
    shared = ours.keys() & theirs.keys()
    return f"less on {sum(ours[sound] < theirs[sound] for sound in shared)} of {len(shared)} test sounds"


def _on_further_sounds(results: Results, smaller: str, larger: str, on_test: Comparison) -> Comparison:
    """Compare two models' errors on the test sounds and the further sounds together.

    on_test: the comparison on the test sounds alone. It is returned if the models were not both measured on the same
        further sounds.
    """
    ours, theirs = (results.error_by_sound(config, further=True) for config in (smaller, larger))
    if not ours or ours.keys() != theirs.keys():
        return on_test
    ratios = np.array([theirs[sound] / ours[sound] for sound in ours])
    values = results.values(smaller, error_per_sound), results.values(larger, error_per_sound)
    decided = is_less(*values, results.spread(error_per_sound), ratios=ratios)
    text = f"less on {np.count_nonzero(ratios > 1.0)} of {len(ratios)} sounds; test split alone: {on_test.verdict}, "
    return replace(decided, text=f"{decided.text}; {text}{on_test.text}")


def _lower_error(*pairs: tuple[str, str]) -> Callable[[Results], Iterator[Comparison | None]]:
    def test(results: Results) -> Iterator[Comparison | None]:
        for smaller, larger in pairs:
            yield _less(results, f"paper-{smaller}", f"paper-{larger}", held_out_error)

    return test


def _best(best: str, *others: str) -> Callable[[Results], Iterator[Comparison | None]]:
    return _lower_error(*((best, other) for other in others))


def _training_time(results: Results) -> Iterator[Comparison | None]:
    """Test which of Table I's models need more time for a training step.

    Each round gives the logarithm of the ratio of two models' times. One model is found to be slower only if the
    median of these logarithms is more than two standard errors from 0.
    """
    steps = (results.speed or {}).get("augmentation_step_ms")
    for cheaper, dearer in (("none", "chroma"), ("chroma", "first_order_difference")):
        if not steps:
            yield None
            continue
        logs = np.log(np.array(steps[dearer]) / np.array(steps[cheaper]))
        error = float(logs.std(ddof=1) / np.sqrt(len(logs))) if len(logs) > 1 else np.inf
        middle = float(np.median(logs))
        verdict: Verdict = "not separable"
        if abs(middle) > 2.0 * error:
            verdict = "holds" if middle > 0.0 else "does not hold"
        ratio, needed = float(np.exp(middle)), float(np.exp(2.0 * error))
        text = f"time of a step, {dearer} over {cheaper}: {100.0 * (ratio - 1.0):+.1f} %"
        yield Comparison(verdict, text, ratio=ratio, needed=needed)


def _denser_with_skip(results: Results) -> Iterator[Comparison | None]:
    for corpus in CORPORA:
        for bottleneck in ("lrelu", "sigmoid"):
            stem = f"paper-{corpus}-2-{bottleneck}"
            yield _less(results, f"{stem}-no-skip", f"{stem}-skip", density)


def _bounded(results: Results) -> Iterator[Comparison | None]:
    for corpus in CORPORA:
        for bottleneck, expected in (("sigmoid", True), ("lrelu", False)):
            for skip in ("skip", "no-skip"):
                config = f"paper-{corpus}-2-{bottleneck}-{skip}"
                bounds = [np.array(run.report["embedding"]["bounds"]) for run in results.of(config)]
                if not bounds:
                    yield None
                    continue
                inside = [bool(b.min() >= 0.0 and b.max() <= 1.0) for b in bounds]
                text = ", ".join(f"{low:.3g} to {high:.3g}" for low, high in bounds[0])
                yield is_so(short_name(config), [value == expected for value in inside], text, results.n_epochs(config))


def _correlated(results: Results) -> Iterator[Comparison | None]:
    for corpus in CORPORA:
        for skip in ("skip", "no-skip"):
            stem = f"paper-{corpus}-2"
            yield _less(results, f"{stem}-sigmoid-{skip}", f"{stem}-lrelu-{skip}", correlation)


def _misses_at_the_border(results: Results) -> Iterator[Comparison | None]:
    for config in CONDITIONED:
        inside = results.values(config, mesh_measure("mismatch_inside"))
        border = results.values(config, mesh_measure("mismatch_border"))
        if inside is None or border is None:
            yield None
            continue
        name = short_name(config)
        pair = replace(inside, name=f"{name} inside"), replace(border, name=f"{name} border")
        yield is_less(*pair, results.spread(mesh_measure("mismatch_border")))


def _no_sharps(results: Results) -> Iterator[Comparison | None]:
    for config in CONDITIONED:
        if "one-octave" not in config:
            continue
        asked = [run.report["mesh"]["accuracy_by_pitch_class"] for run in results.of(config)]
        if not asked:
            yield None
            continue
        sharps = [sorted(name for name in by_class if name.endswith("#")) for by_class in asked]
        found = f"sharps asked for: {', '.join(sharps[0]) or 'none'}"
        yield is_so(short_name(config), [not names for names in sharps], found, results.n_epochs(config))


def _collapse(results: Results) -> Iterator[Comparison | None]:
    nats = [run.report["divergence_nats"] for run in results.of(VARIATIONAL)]
    if not nats:
        yield None
        return
    n_collapsed = [sum(value < COLLAPSED_NATS for value in values) for values in nats]
    text = f"{n_collapsed[0]} of {len(nats[0])} latents below {COLLAPSED_NATS} nats"
    yield is_so(short_name(VARIATIONAL), [n > 0 for n in n_collapsed], text, results.n_epochs(VARIATIONAL))


def _entangled(results: Results) -> Iterator[Comparison | None]:
    """Test whether each latent changes the pitch class; collapsed latents are left out."""
    name, found, text = short_name(VARIATIONAL), [], ""
    for run in results.of(VARIATIONAL):
        pairs = zip(run.report["divergence_nats"], run.report["pitch_changes"], strict=True)
        changes = [change for nats, change in pairs if nats >= COLLAPSED_NATS]
        if not changes:
            yield Comparison("not separable", f"{name}: all latents have collapsed, so pitch cannot be tested")
            return
        found.append(min(changes) > PITCH_IDLE)
        shares = ", ".join(f"{100.0 * change:.0f} %" for change in changes)
        text = text or f"each used latent changes the pitch class on {shares} of its travel"
    yield is_so(name, found, text, results.n_epochs(VARIATIONAL)) if found else None


CLAIMS = (
    Claim(
        "table1-error",
        "Table I",
        "Chroma as augmentation gives the lowest test error (five octaves, 8 latents).",
        _best("five-octave-8-lrelu-chroma", "five-octave-8-lrelu-none", "five-octave-8-lrelu-first-order-difference"),
    ),
    Claim(
        "table1-time",
        "Table I",
        "Training takes a little longer with chroma (about 6 %), and longest with the first-order difference (26 %).",
        _training_time,
    ),
    Claim(
        "table2-sigmoid",
        "Table II",
        "Both sigmoid models beat both LReLU models (one octave, 2 latents).",
        _lower_error(
            *(
                (f"one-octave-2-sigmoid-{own}", f"one-octave-2-lrelu-{other}")
                for own in ("skip", "no-skip")
                for other in ("skip", "no-skip")
            )
        ),
    ),
    Claim(
        "table2-best",
        "Table II",
        "Sigmoid without skip is the best of the four.",
        _best(
            "one-octave-2-sigmoid-no-skip",
            *(f"one-octave-2-{name}" for name in ("sigmoid-skip", "lrelu-skip", "lrelu-no-skip")),
        ),
    ),
    Claim(
        "table3-skip",
        "Table III",
        "Skip helps both bottlenecks (violin, 2 latents).",
        _lower_error(*((f"violin-2-{name}-skip", f"violin-2-{name}-no-skip") for name in ("lrelu", "sigmoid"))),
    ),
    Claim(
        "table3-best",
        "Table III",
        "Sigmoid with skip is the best of the four.",
        _best(
            "violin-2-sigmoid-skip",
            *(f"violin-2-{name}" for name in ("sigmoid-no-skip", "lrelu-skip", "lrelu-no-skip")),
        ),
    ),
    *(
        Claim(
            f"table4-{corpus}",
            "Table IV",
            f"Skip beats no skip ({corpus.replace('-', ' ')}, 3 latents, sigmoid).",
            _lower_error((f"{corpus}-3-sigmoid-skip", f"{corpus}-3-sigmoid-no-skip")),
        )
        for corpus in CORPORA
    ),
    Claim("figures23-density", "Figures 2-3", "The embedding is denser with skip.", _denser_with_skip),
    Claim(
        "figures23-bounds",
        "Figures 2-3",
        "A sigmoid's embedding lies within 0 and 1; an LReLU's does not.",
        _bounded,
    ),
    Claim(
        "figures23-correlation",
        "Figures 2-3",
        "The two latents of an LReLU are more correlated than a sigmoid's.",
        _correlated,
    ),
    Claim("table5-sharps", "Table V", "One octave of C major has no sharps: their columns are empty.", _no_sharps),
    Claim(
        "table5-border",
        "Figures 4-5",
        "Wrong pitch classes are played near the borders of the latent space.",
        _misses_at_the_border,
    ),
    Claim("vae-collapse", "beta-VAE", "Some latents collapse: the decoder ignores them.", _collapse),
    Claim(
        "vae-pitch",
        "beta-VAE",
        "Without conditioning, pitch is not disentangled: every used latent changes it.",
        _entangled,
    ),
)
