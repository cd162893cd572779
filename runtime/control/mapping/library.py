"""Finds control maps among the program's and the user's files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import msgspec

from runtime.base.errors import UserError, did_you_mean
from runtime.base.user_folders import data_folder
from runtime.config import DEFAULT_CONFIG, Config
from runtime.control.mapping.bindings import Bindings, bind
from runtime.control.mapping.layers import config_lines, configured_lines, laid_upon
from runtime.control.mapping.lines import MapLine
from runtime.control.mapping.map_file import MapDevice, MapFile, load_map, ports_of_broken, save_map
from runtime.control.mapping.velocity import VelocityCurve

CONTROLLERS_FOLDER = DEFAULT_CONFIG.parent / "controllers"
SUFFIX = ".yaml"
MOST_FILE_NAME_BYTES = 200


class DeviceSetup(msgspec.Struct, frozen=True):
    """What the controls of one MIDI input do.

    chosen: the lines of the default map, of the chosen map and of the settings.
    learned: the lines learned for the input.
    velocity_curve: changes the input's velocities.
    map_name: name of the chosen map; empty for the default map.
    problem: a message to the user about files that could not be read; empty if all could be read.
    """

    chosen: tuple[MapLine, ...]
    learned: tuple[MapLine, ...] = ()
    velocity_curve: VelocityCurve = "linear"
    map_name: str = ""
    problem: str = ""

    @property
    def lines(self) -> tuple[MapLine, ...]:
        """All lines that apply: a control's learned line replaces its line in `chosen`."""
        return laid_upon(self.chosen, self.learned)


def maps_folder() -> Path:
    """The folder of the user's maps; perhaps this folder does not exist yet."""
    return data_folder() / "maps"


def learned_path(device: MapDevice) -> Path:
    """The file of a device's learned map.

    The file is named after the port. Each unsafe character is written as %XX. A digest replaces the end of a long
    name. For the second device with this name, #2 is added to the file's name, for the third #3, and so on.
    """
    name = quote(device.port, safe=" ()[]+,-_.&'!") or "%"
    name = f"%2E{name[1:]}" if name.startswith(".") else name
    if len(name) > MOST_FILE_NAME_BYTES:
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        name = f"{name[: MOST_FILE_NAME_BYTES - len(digest) - 1]}-{digest}"
    return maps_folder() / f"{name}{f'#{device.order}' if device.order > 1 else ''}{SUFFIX}"


def load_learned(device: MapDevice) -> MapFile:
    """Load a device's learned map, empty if nothing was learned; UserError if the file is broken."""
    path = learned_path(device)
    return load_map(path) if path.exists() else MapFile(device=device)


def save_learned(device: MapDevice, lines: tuple[MapLine, ...], kept: MapFile | None = None) -> None:
    """Save a device's learned lines; UserError if the file cannot be written.

    kept: the file's present content. All of it stays unchanged, except the device and the lines.
    """
    content = msgspec.structs.replace(kept or MapFile(), device=device, lines=lines)
    save_map(learned_path(device), content)


def known_devices() -> list[MapDevice]:
    """The devices with learned maps; broken files are left out."""
    found = (content.device for _, content in _read(maps_folder()) if isinstance(content, MapFile))
    return [device for device in found if device is not None]


def find_map(name_or_path: str) -> MapFile:
    """Load a map by its name or from a .yaml file; UserError if it is missing or broken."""
    if name_or_path.endswith((".yaml", ".yml")):
        return load_map(name_or_path)
    for folder in (maps_folder(), CONTROLLERS_FOLDER):
        path = folder / f"{name_or_path}{SUFFIX}"
        if path.parent == folder and path.is_file():
            return load_map(path)
    known = [path.stem for folder in (maps_folder(), CONTROLLERS_FOLDER) for path in folder.glob(f"[!.]*{SUFFIX}")]
    raise UserError("midi map", repr(name_or_path), "a control map, or a .yaml file", did_you_mean(name_or_path, known))


def map_for_port(port: str) -> MapFile | None:
    """The map that fits a port: one of the map's `ports` is part of the port's name. None if no map fits.

    If several maps fit, the user's maps win over the program's. Within each of these groups, the map with the longest
    fitting entry in `ports` wins. UserError if the map that wins is broken.
    """
    for folder in (maps_folder(), CONTROLLERS_FOLDER):
        fits = [
            (len(part), path.stem, content)
            for path, content in _read(folder)
            for part in (content.ports if isinstance(content, MapFile) else ports_of_broken(path) or ())
            if part.lower() in port.lower()
        ]
        if fits:
            _, name, content = max(fits, key=lambda fit: fit[:2])
            if isinstance(content, UserError):
                raise content
            return msgspec.structs.replace(content, name=content.name or name)
    return None


def device_setup(config: Config, device: MapDevice) -> DeviceSetup:
    """Find out what the controls of a MIDI input do.

    The lines come from the default map, the chosen map, the settings, and the learned map, in this order. If two of
    these have a line for the same control, the later line wins. The default map is left out if the chosen map says
    so. A broken file is left out, and named in `problem`. If no map is named in the settings, `problem` also names each
    map of the user whose `ports` cannot be read, because it could be the one for this input.
    """
    chosen, learned, problems = None, MapFile(), []
    try:
        chosen = _chosen_map(config, device.port)
    except UserError as error:
        problems.append(str(error))
    try:
        learned = load_learned(device)
    except UserError as error:
        problems.append(str(error))
    if config.midi.map is None and config.midi.controllers:
        problems += _illegible()
    curve = learned.velocity_curve
    if curve == "linear" and chosen is not None:
        curve = chosen.velocity_curve
    name = "" if chosen is None else chosen.name or config.midi.map or ""
    problem = f"{device.label}: {'; '.join(dict.fromkeys(problems))}" if problems else ""
    return DeviceSetup(_chosen_lines(config, chosen), learned.lines, curve, name, problem)


def _chosen_map(config: Config, port: str) -> MapFile | None:
    if config.midi.map is not None:
        return find_map(config.midi.map)
    return map_for_port(port) if config.midi.controllers else None


def file_bindings(config: Config) -> Bindings:
    """What each control does in a rendered MIDI file; UserError if the settings' map is missing or broken."""
    return bind(_chosen_lines(config, find_map(config.midi.map) if config.midi.map else None))


def refuse_broken_map(config: Config) -> None:
    """UserError if the settings' map is missing or broken."""
    if config.midi.map is not None:
        find_map(config.midi.map)


def _chosen_lines(config: Config, chosen: MapFile | None) -> tuple[MapLine, ...]:
    if chosen is None:
        return configured_lines(config)
    if not chosen.with_default:
        return laid_upon(chosen.lines, config_lines(config))
    return laid_upon(laid_upon(configured_lines(config), chosen.lines), config_lines(config))


def _illegible() -> list[str]:
    """What is wrong with each of the user's maps whose `ports` cannot be read."""
    broken = ((path, content) for path, content in _read(maps_folder()) if isinstance(content, UserError))
    return [str(error) for path, error in broken if ports_of_broken(path) is None]


def _read(folder: Path) -> Iterator[tuple[Path, MapFile | UserError]]:
    """Each map of a folder, or the error that says why it is broken."""
    for path in sorted(folder.glob(f"[!.]*{SUFFIX}")):
        try:
            yield path, load_map(path)
        except UserError as error:
            yield path, error
