"""How a sound's YAML file uses trajectories."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, NamedTuple

import msgspec
import numpy as np

from runtime.acoustics.mel_bands import N_BANDS
from runtime.base.errors import UserError
from runtime.instrument.card import Position
from runtime.sound.trajectory.packing import load_trajectory, unpack
from runtime.sound.trajectory.trajectory import (
    HIGHEST_COLOUR_DB,
    HIGHEST_LEVEL_DB,
    LEVEL_STEP_S,
    LONGEST_S,
    LONGEST_STEP_S,
    LOWEST_LEVEL_DB,
    SHORTEST_STEP_S,
    Trajectory,
    checked,
    refuse_size,
)

MOST_TRAJECTORIES = 4

Direction = Literal["forward", "backward", "ping_pong"]
Step = Annotated[float, msgspec.Meta(ge=SHORTEST_STEP_S, le=LONGEST_STEP_S)]
Mark = Annotated[float, msgspec.Meta(ge=0.0, le=LONGEST_S)]
Level = Annotated[float, msgspec.Meta(ge=LOWEST_LEVEL_DB, le=HIGHEST_LEVEL_DB)]
Colour = Annotated[float, msgspec.Meta(ge=-HIGHEST_COLOUR_DB, le=HIGHEST_COLOUR_DB)]
Bands = Annotated[list[Colour], msgspec.Meta(min_length=N_BANDS, max_length=N_BANDS)]
Latent = Annotated[float, msgspec.Meta(ge=-1.0, le=1.0)]


class WrittenTrajectory(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A trajectory that a person writes.

    Between points, values change linearly. A list with a single value means this value at all times.

    step_s: time from one point to the next.
    latents: for each knob, a value at each point: the knob's position if replaces_knobs is true, else an offset.
    colour_db: at each point, the gain of each band.
    level_db: a level at each point, or, if level_step_s is given, every level_step_s seconds.
    Other fields: as in Trajectory.
    """

    step_s: Step
    latents: dict[str, Annotated[list[Latent], msgspec.Meta(min_length=1)]] = {}
    replaces_knobs: bool = False
    colour_db: Annotated[list[Bands], msgspec.Meta(min_length=1)] | None = None
    level_db: Annotated[list[Level], msgspec.Meta(min_length=1)] | None = None
    level_step_s: Step | None = None
    attack_s: Mark = 0.0
    loop_s: tuple[Mark, Mark] | None = None
    release_s: Mark | None = None
    plays_once: bool = False


class SoundTrajectory(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A sound's trajectory, and how it is played.

    file: path of its file, relative to the folder of the sound's file.
    inline: a trajectory in place of a file: the file's bytes in base64, or a WrittenTrajectory.
    colour: how much of the colour is applied.
    motion: factor for the values' distances from their mean; 0 for no motion.
    start: where a note begins in the held part, which is played while the key is down. 0 is the beginning of the held
        part, 1 its end. None stands for 1 if direction is backward, else for 0.
    key, velocity: the key and the velocity at which only this trajectory is heard, if the sound has several.
    """

    file: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)] | None = None
    inline: str | WrittenTrajectory | None = None
    colour: Position = 1.0
    motion: Annotated[float, msgspec.Meta(ge=0.0, le=2.0)] = 1.0
    speed: Annotated[float, msgspec.Meta(ge=0.05, le=20.0)] = 1.0
    direction: Direction = "forward"
    start: Position | None = None
    key: Annotated[int, msgspec.Meta(ge=0, le=127)] | None = None
    velocity: Annotated[int, msgspec.Meta(ge=1, le=127)] | None = None


SoundTrajectories = Annotated[list[SoundTrajectory], msgspec.Meta(min_length=1, max_length=MOST_TRAJECTORIES)]


class PlayedTrajectory(NamedTuple):
    """A trajectory that was read; fields as in SoundTrajectory."""

    trajectory: Trajectory
    colour: float = 1.0
    motion: float = 1.0
    speed: float = 1.0
    direction: Direction = "forward"
    start: float | None = None
    key: int | None = None
    velocity: int | None = None


def read_trajectories(
    use: SoundTrajectory | list[SoundTrajectory] | None, folder: Path | None, where: object
) -> tuple[PlayedTrajectory, ...]:
    """Read a sound's trajectories.

    folder: the folder of the sound's file; None for a sound without a file.
    UserError if a trajectory cannot be read, if there are too many, if two have the same key and velocity, or if only
    some of them have a key or a velocity. The error begins with `where`.
    """
    uses = [] if use is None else [use] if isinstance(use, SoundTrajectory) else use
    place = f"{where}, trajectory"
    names = [place] if len(uses) == 1 else [f"{place}[{number}]" for number in range(len(uses))]
    if len(uses) > MOST_TRAJECTORIES:
        raise UserError(place, f"{len(uses)} trajectories", f"at most {MOST_TRAJECTORIES}", "leave some out")
    _refuse_unclear_places(uses, place)
    return tuple(
        PlayedTrajectory(
            _read(one, folder, name), one.colour, one.motion, one.speed, one.direction, one.start, one.key, one.velocity
        )
        for one, name in zip(uses, names, strict=True)
    )


def trajectory_paths(use: SoundTrajectory | list[SoundTrajectory] | None, folder: Path | None) -> list[Path]:
    """The paths of the files that `read_trajectories` reads."""
    uses = [] if use is None else [use] if isinstance(use, SoundTrajectory) else use
    return [folder / one.file for one in uses if one.file is not None and folder is not None]


def _refuse_unclear_places(uses: list[SoundTrajectory], where: str) -> None:
    if len(uses) < 2:
        return
    for name in ("key", "velocity"):
        n_given = sum(getattr(one, name) is not None for one in uses)
        if 0 < n_given < len(uses):
            expected = f"a {name} in each or in none"
            raise UserError(where, f"{n_given} of {len(uses)} with a {name}", expected, f"add each {name}")
    places = [(one.key, one.velocity) for one in uses]
    for key, velocity in places:
        if places.count((key, velocity)) > 1:
            said = [f"{name} {value}" for name, value in (("key", key), ("velocity", velocity)) if value is not None]
            found = f"several for {' and '.join(said)}" if said else "several without a key or a velocity"
            raise UserError(where, found, "another key or velocity for each", "change them")


def _read(use: SoundTrajectory, folder: Path | None, where: str) -> Trajectory:
    if (use.file is None) == (use.inline is None):
        found = "neither file nor inline" if use.file is None else "both file and inline"
        raise UserError(where, found, "one of them", "give one")
    if use.file is not None:
        return load_trajectory(trajectory_path(use.file, folder, f"{where}.file"))
    where = f"{where}.inline"
    if isinstance(use.inline, str):
        try:
            content = base64.b64decode("".join(use.inline.split()), validate=True)
        except (binascii.Error, ValueError):
            raise UserError(where, "no base64", "a trajectory's bytes in base64", "copy the whole text") from None
        return unpack(content, where)
    return from_written(use.inline, where)


def trajectory_path(file: str, folder: Path | None, where: str) -> Path:
    """The path of a trajectory's file; UserError if it leads out of `folder`, or if `folder` is None.

    A sound from a stranger must not choose a file elsewhere.
    """
    path = PurePosixPath(file)
    if path.is_absolute() or ".." in path.parts or "\0" in file:
        raise UserError(where, repr(file), "a path inside the folder of the sound's file", "move the file there")
    if folder is None:
        raise UserError(where, repr(file), "a sound that is a file itself", "use inline")
    return folder / path


def from_written(written: WrittenTrajectory, where: object) -> Trajectory:
    """Convert what a person wrote to a Trajectory.

    UserError for wrong sizes, times or values; the error begins with `where`.
    """
    lists = [*written.latents.values(), written.colour_db or [0.0]]
    n_points = max(len(values) for values in lists)
    level_step_s = written.level_step_s or written.step_s
    level_db = np.array(written.level_db or [0.0], np.float32)
    level_s = (len(level_db) - 1) * level_step_s
    # Check the sizes first: with too long a list of levels, the code below would fill the memory.
    refuse_size(written.step_s, n_points, round(level_s / LEVEL_STEP_S) + 1, where)
    for name, values in (*written.latents.items(), ("colour_db", lists[-1])):
        if len(values) not in (1, n_points):
            raise UserError(f"{where}, {name}", f"{len(values)} points", f"1 or {n_points}", "correct the list")
    columns = [np.broadcast_to(values, n_points) for values in written.latents.values()]
    colour_db = np.zeros(N_BANDS) if written.colour_db is None else np.array(written.colour_db)
    times_s = np.arange(round(level_s / LEVEL_STEP_S) + 1) * LEVEL_STEP_S
    trajectory = Trajectory(
        step_s=written.step_s,
        knobs=tuple(written.latents),
        latents=np.stack(columns, 1) if columns else np.zeros((n_points, 0)),
        replaces_knobs=written.replaces_knobs,
        colour_db=np.broadcast_to(colour_db, (n_points, N_BANDS)),
        level_db=np.interp(times_s, np.arange(len(level_db)) * level_step_s, level_db),
        attack_s=written.attack_s,
        loop_s=written.loop_s,
        release_s=written.release_s,
        plays_once=written.plays_once,
    )
    return checked(trajectory, where)
