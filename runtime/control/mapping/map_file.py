"""Reads, checks and writes control maps as YAML files."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import yaml

from runtime.base.checked_yaml import LARGEST_BYTES, checked, load_yaml
from runtime.base.errors import UserError
from runtime.base.files import atomic_write, read_bounded_file
from runtime.control.mapping.lines import MapLine, check_line
from runtime.control.mapping.velocity import VelocityCurve

MOST_LINES = 500


class MapDevice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The MIDI input that a learned map belongs to.

    port: the input's name without ALSA's address, which changes from boot to boot.
    order: 1 for the first input of this name, 2 for the next, and so on, in order of arrival.
    socket: the USB socket that the input was most recently plugged into; empty if unknown.
    """

    port: str
    order: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    socket: str = ""

    @property
    def label(self) -> str:
        return self.port if self.order == 1 else f"{self.port} ({self.order})"


class MapFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A control map.

    ports: texts; the map is chosen for an input whose name contains one of them.
    device: the input that a learned map belongs to.
    source: web address of the manual that lists the control numbers.
    tested: whether somebody has tried the map with real hardware.
    with_default: whether the default map applies to controls that this map does not name.
    velocity_curve: changes the velocities of the input's notes.
    """

    map_version: Literal[1] = 1
    name: str = ""
    ports: tuple[Annotated[str, msgspec.Meta(min_length=2)], ...] = ()
    device: MapDevice | None = None
    source: str | None = None
    tested: bool | None = None
    with_default: bool = True
    velocity_curve: VelocityCurve = "linear"
    lines: Annotated[tuple[MapLine, ...], msgspec.Meta(max_length=MOST_LINES)] = ()

    @property
    def tree(self) -> dict[str, object]:
        tree = msgspec.to_builtins(self)
        return {"map_version": self.map_version, **tree}


def load_map(path: str | Path) -> MapFile:
    """Read a map. UserError if it is broken; the error names the file and the map's line."""
    return _refuse_contradictions(load_yaml(path, MapFile), path)


def ports_of_broken(path: Path) -> tuple[str, ...] | None:
    """The `ports` of a map that `load_map` refuses; None if the map cannot be read as far as its `ports`.

    Empty if the map has no `ports`. A learned map, which has a `device` instead, may be broken anywhere after that.
    """
    try:
        text = read_bounded_file(path, "a control map", LARGEST_BYTES).decode("utf-8", "replace")
    except UserError:
        return None
    depth, key, keys, ports = 0, None, set(), []
    try:
        # A file that is no YAML has events up to its first error.
        for event in yaml.parse(text, yaml.SafeLoader):
            if depth == 1 and key is None and isinstance(event, yaml.ScalarEvent):
                key = event.value
                keys.add(key)
                continue
            if key == "ports" and isinstance(event, yaml.ScalarEvent):
                ports.append(event.value)
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth == 1 and not isinstance(event, yaml.CollectionStartEvent):
                key = None  # the key's value ends here
    except (yaml.YAMLError, ValueError, OverflowError):  # the last two: an escaped character that does not exist
        return tuple(ports) if keys & {"ports", "device"} and key != "ports" else None
    return tuple(ports)


def map_from_tree(tree: object, where: object) -> MapFile:
    """Convert dicts, lists and plain values to a map; UserError if it is broken. where: names the map in messages."""
    return _refuse_contradictions(checked(tree, MapFile, where), where)


def save_map(path: Path, content: MapFile) -> None:
    """Write a map completely or not at all; UserError if it is broken or cannot be written."""
    _refuse_contradictions(content, path)
    # Each line of the map is one line of text, so that people can read and share it.
    head = {key: value for key, value in content.tree.items() if key != "lines"}
    with atomic_write(path) as stream:
        yaml.safe_dump(head, stream, sort_keys=False, allow_unicode=True, width=1000)
        stream.write("lines:\n" if content.lines else "lines: []\n")
        for line in content.tree.get("lines", []):
            text = yaml.safe_dump(line, default_flow_style=True, sort_keys=False, allow_unicode=True, width=1000)
            stream.write(f"- {text}")


def _refuse_contradictions(content: MapFile, where: object) -> MapFile:
    for number, line in enumerate(content.lines, 1):
        check_line(line, f"{where}, line {number} of the map ({line.control})")
    points = content.velocity_curve
    if isinstance(points, tuple):
        played = [point[0] for point in points]
        if len(points) < 2 or any(low >= high for low, high in itertools.pairwise(played)):
            expected = "two points or more, [played, heard], with rising played velocities"
            raise UserError(f"{where}, velocity_curve", f"{len(points)} points", expected, "correct the points")
    return content
