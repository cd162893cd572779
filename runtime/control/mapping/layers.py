"""The default map, and how one map is laid upon another."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from runtime.config import Config
from runtime.control.mapping.lines import Kind, MapLine
from runtime.control.targets import LATENT

Message = tuple[Kind, int]
_LATENT_CONTROLS = {**{70 + k: k + 1 for k in range(4)}, **{76 + k: k + 5 for k in range(4)}}
DEFAULT_LINES = (
    *(MapLine(f"cc {control}", f"{LATENT}{latent}") for control, latent in _LATENT_CONTROLS.items()),
    MapLine("cc 74", "filter.cutoff"),  # on a member channel of an MPE zone, 74 is the slide
    MapLine("cc 3", "phase_blend"),
    MapLine("cc 91", "reverb"),
    MapLine("cc 93", "chorus"),
)


def config_lines(config: Config) -> tuple[MapLine, ...]:
    """The lines for the settings' keys `latent_controls` and `phase_control`."""
    lines = [MapLine(f"cc {control}", f"{LATENT}{latent}") for control, latent in config.latent_controls.items()]
    if isinstance(config.phase_control, int):
        lines.append(MapLine(f"cc {config.phase_control}", "phase_blend"))
    return tuple(lines)


def configured_lines(config: Config) -> tuple[MapLine, ...]:
    """The default map, in which the settings' lines replace lines of the same control.

    If the settings have `latent_controls`, the default lines for latents are left out. If they have `phase_control`,
    the default line for the blend of phases is left out.
    """
    default = DEFAULT_LINES
    if config.latent_controls:
        default = tuple(line for line in default if not (line.target or "").startswith(LATENT))
    if config.phase_control is not msgspec.UNSET:
        default = tuple(line for line in default if line.target != "phase_blend")
    return laid_upon(default, config_lines(config))


def laid_upon(lower: Iterable[MapLine], upper: Iterable[MapLine]) -> tuple[MapLine, ...]:
    """Combine two maps. A lower line is left out if an upper line has a control and a channel in common with it."""
    upper, channels = tuple(upper), {}
    for line in upper:
        for message in _messages(line):
            channels.setdefault(message, set()).add(line.channel)
    return (*(line for line in lower if not _is_covered(line, channels)), *upper)


def same_control(line: MapLine, other: MapLine) -> bool:
    """Whether two lines have a control and a channel in common; `cc14 7` uses the controls 7 and 39."""
    return _is_covered(line, {message: {other.channel} for message in _messages(other)})


def _is_covered(line: MapLine, channels: dict[Message, set[int | str]]) -> bool:
    """Whether other lines have a control and a channel in common with this line.

    channels: for each message of a control, the channels on which the other lines use the message.
    """
    found = set().union(*(channels.get(message, ()) for message in _messages(line)))
    return bool(found) and (line.channel == "all" or not found.isdisjoint({"all", line.channel}))


def _messages(line: MapLine) -> tuple[Message, ...]:
    kind, number = line.control_id
    return ((Kind.CC, number), (Kind.CC, number + 32)) if kind is Kind.CC14 else ((kind, number),)
