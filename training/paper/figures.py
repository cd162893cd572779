"""Draws the report's plots as PNG files, from the kept files of each run (see kept.py)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from training.measure.latent_plots import mesh_map, traversal_strips
from training.measure.plots import COLOURS, add_pitch_class_legend, draw_points, save_figure
from training.paper.kept import KeptRun
from training.paper.plan import Plan
from training.paper.results import Results, short_name

DPI = 90
STYLES = ("-", "--", ":")  # there are seven colours, so the first seven lines are solid, the next seven dashed


def draw_all(results: Results, plan: Plan, folder: Path) -> dict[str, str]:
    """Write every plot into the folder; returns the captions by file name."""
    captions = {}
    for name, caption, figure in _figures(results, plan):
        save_figure(figure, folder / name, DPI)
        captions[name] = caption
    return captions


def _figures(results: Results, plan: Plan) -> Iterator[tuple[str, str, Figure]]:
    corpora, figures23 = {model.config: model.corpus for model in plan.models}, set(map(short_name, plan.figures23))
    for corpus in dict.fromkeys(corpora.values()):
        runs = {short_name(config): results.of(config)[0] for config in results.runs if corpora[config] == corpus}
        if not runs:
            continue
        yield f"errors-{corpus}.png", f"Validation error by epoch, {corpus} corpus", _curves(runs, corpus)
        planar = {name: run for name, run in runs.items() if name in figures23}
        if planar:
            title = f"Embedding of the training frames by pitch class, {corpus} corpus"
            yield f"embedding-{corpus}.png", title, _scatters(planar, title)
    for config, (run, *_) in results.runs.items():
        name = short_name(config)
        if "mesh_map" in run.pictures:
            title = f"{name}: where the pitch class asked for is played"
            bounds, classes = run.pictures["mesh_bounds"], run.pictures["mesh_classes"].tolist()
            yield f"mesh-{name}.png", title, mesh_map(run.mesh_map, bounds, classes, title)
        title = f"{name}: each latent from end to end"
        yield f"traversals-{name}.png", title, traversal_strips(run.traversals, title)


def _curves(runs: dict[str, KeptRun], corpus: str) -> Figure:
    figure = Figure(figsize=(8.0, 4.2), layout="constrained")
    axes = figure.subplots()
    for index, (name, run) in enumerate(runs.items()):
        colour, style = COLOURS[index % len(COLOURS)], STYLES[index // len(COLOURS) % len(STYLES)]
        axes.plot(run.history["epoch"], run.history["val_loss"], style, color=colour, linewidth=1.2, label=name)
    axes.set(xlabel="epoch", ylabel="validation error (mean square, no unit)", yscale="log")
    axes.set_title(f"Validation error while training, {corpus} corpus")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right center", fontsize="small")
    return figure


def _scatters(runs: dict[str, KeptRun], title: str) -> Figure:
    n_columns = min(len(runs), 2)
    n_rows = -(-len(runs) // n_columns)
    figure = Figure(figsize=(4.4 * n_columns + 1.2, 3.6 * n_rows + 0.5), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for axes, (name, run) in zip(panels, runs.items(), strict=False):
        draw_points(axes, *run.latents.T, run.pictures["pitch_classes"])
        axes.set(xlabel="latent 1 (no unit)", ylabel="latent 2 (no unit)", title=name)
    for axes in panels[len(runs) :]:
        axes.set_axis_off()
    figure.suptitle(title)
    add_pitch_class_legend(figure)
    return figure
