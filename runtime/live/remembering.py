"""Remembers what plays, and restores it at the next start."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from runtime.base.errors import UserError
from runtime.companion.child import CompanionChild
from runtime.companion.state import Settings, State
from runtime.config import Config
from runtime.control.morph import CONTROLS
from runtime.control.targets import LATENT
from runtime.engine.engine import Engine
from runtime.events import TargetMove
from runtime.instrument.decoder import Decoder
from runtime.instrument.library import available, find, sha256_of
from runtime.live.memory import PROVEN_AFTER_S, Memory
from runtime.live.present import positions, present_sound
from runtime.rack.part_choice import choose_parts, with_parts
from runtime.sound.choice import Choice, choose_tree
from runtime.sound.patch import Patch

if TYPE_CHECKING:
    from runtime.live.desk import Playing

Say = Callable[[str], object]
_NEAR = 1e-6


def choose_with_memory(
    config: Config, instrument: str | None, preset: str | None, sound: str | None, memory: Memory, say: Say
) -> Choice:
    """Choose what to play: options override the remembered state, which overrides the settings.

    A state that cannot be used is put aside and raises no error. A memory that keeps nothing loses its state here.

    instrument, preset, sound: the options, or None.
    UserError as from `choose_parts`.
    """
    if not memory.keeps:
        memory.state = None
    state, memory.configured = memory.state, settings_of(config)
    if state is not None:
        config = _with_settings(config, state)
        if preset is None and sound is None and _is_wanted(state, instrument):
            memory.begin_trial()
            try:
                folder = Path(state.folder) if state.folder else None
                choice = choose_tree(config, instrument or state.instrument, state.sound, "the last sound", folder)
                choice = with_parts(choice, instrument or state.instrument, "the last sound")
                return choice._replace(remark=choice.remark or _welcome(state))
            except UserError as error:
                memory.put_aside(error, say)
                memory.proven()
        # Another sound than the remembered one will play, so the remembered positions must not be restored.
        memory.state = None
    return choose_parts(config, instrument, preset, sound)


def move_to_remembered(engines: Sequence[Engine], state: State, left_out: tuple[str, ...] = ()) -> None:
    """Move the targets of each part's engine to their remembered positions.

    A sound without parts restores its latents itself, so its latents are not moved here. A part of which nothing is
    remembered gets the first part's volume.

    engines: one for each part.
    left_out: targets whose names begin with one of these texts stay where they are.
    """
    if not state.sound.get("parts"):
        left_out += (LATENT,)
    volume = {"level": state.positions["level"]} if "level" in state.positions else {}
    of_parts = [state.positions, *state.other_positions][: len(engines)]
    for engine, remembered in zip_longest(engines, of_parts, fillvalue=volume):
        _restore(engine, {target: at for target, at in remembered.items() if not target.startswith(left_out)})


def _restore(engine: Engine, remembered: dict[str, float]) -> None:
    moved = [target for target, position in remembered.items() if _is_elsewhere(engine, target, position)]
    # A control of a morph also moves other targets. So it is moved first, and then all other targets are moved, even
    # those that are already at their remembered positions.
    morphing = [target for target in moved if target in CONTROLS]
    others = remembered if morphing else moved
    for target in [*morphing, *(target for target in others if target not in CONTROLS)]:
        engine.post(TargetMove(target, remembered[target]))


def _is_elsewhere(engine: Engine, target: str, position: float) -> bool:
    now = engine.target_position(target)
    return now is not None and abs(now - position) > _NEAR


class Remembering:
    """Sends what plays to the companion whenever it has changed."""

    def __init__(self, playing: Playing, companion: CompanionChild, memory: Memory, say: Say):
        self._playing, self._companion, self._memory, self._say = playing, companion, memory, say
        self._kept: object = None
        self._kept_patches: tuple[Patch | None, ...] = ()
        self._complaint = ""
        self._trial_ends_s = time.monotonic() + PROVEN_AFTER_S
        if memory.state is not None:
            is_file_new = memory.configured.volume_db != memory.state.configured.volume_db
            move_to_remembered(playing.part_engines(), memory.state, ("level",) if is_file_new else ())
        msgspec.to_builtins(self.state())  # called now, because the first call is slow: it reads the instrument's file

    def look(self) -> None:
        """Let the companion save what plays, if it has changed; call this at least every 2 s."""
        if self._trial_ends_s is not None and time.monotonic() > self._trial_ends_s:
            self._memory.proven()
            self._trial_ends_s = None
        good = self._memory.good_settings
        if good is not None and self._companion.tell("settings", config=msgspec.to_builtins(good)):
            self._memory.good_settings = None
        if self._memory.keeps:
            self._keep()

    def _keep(self) -> None:
        engine, choice = self._playing.engine, self._playing.choice
        patches = (*(each.patch for each in self._playing.part_engines()), choice.whole)
        present = (
            tuple(map(id, patches)),
            engine.instrument.path,
            [tuple(positions(each).values()) for each in self._playing.part_engines()],
            settings_of(choice.settings),
            self._companion.n_starts,
        )
        if present != self._kept and self._companion.process_id is not None:
            # `_kept_patches` keeps the patches in memory, so that no new patch can get one of the ids in `_kept`.
            self._kept, self._kept_patches = present, patches
            self._companion.ask("state", self._was_kept, self._was_refused, state=msgspec.to_builtins(self.state()))

    def state(self) -> State:
        """What plays, as a `State`."""
        return state_of(self._playing, self._memory.configured)

    def _was_kept(self, _result: object) -> None:
        self._complaint = ""

    def _was_refused(self, error: UserError) -> None:
        self._kept = None
        if str(error) != self._complaint:
            self._say(f"The sound as it is now is not remembered: {error}")
        self._complaint = str(error)


def state_of(playing: Playing, configured: Settings | None = None) -> State:
    """What plays, as a `State`. configured: the settings file's values; None for the present values."""
    engine, choice = playing.engine, playing.choice
    sound, folder = present_sound(playing.part_engines(), choice)
    first, *others = map(positions, playing.part_engines())
    return State(
        _name_of(engine.instrument),
        sha256_of(engine.instrument.path),
        sound,
        str(folder.resolve()) if folder else None,
        first,
        others,
        settings_of(choice.settings),
        configured or settings_of(choice.settings),
    )


def settings_of(config: Config) -> Settings:
    return Settings(config.volume_db, config.tuning.a4_hz)


def _with_settings(config: Config, state: State) -> Config:
    """Put remembered values into the settings, except those that have since changed in the settings file."""
    now = settings_of(config)
    changes = {
        name: getattr(state.settings, name)
        for name in ("volume_db", "a4_hz")
        if getattr(now, name) == getattr(state.configured, name)
    }
    tuning = msgspec.structs.replace(config.tuning, a4_hz=changes.get("a4_hz", config.tuning.a4_hz))
    return msgspec.structs.replace(config, volume_db=changes.get("volume_db", config.volume_db), tuning=tuning)


def _is_wanted(state: State, instrument: str | None) -> bool:
    if instrument is None:
        return True
    try:
        return find(state.instrument).resolve() == find(instrument).resolve()
    except UserError:
        return False


def _name_of(decoder: Decoder) -> str:
    """The instrument's name in the library, or else the path of its file."""
    known = available().get(decoder.path.stem)
    same = known is not None and known.resolve() == decoder.path.resolve()
    return decoder.path.stem if same else str(decoder.path.resolve())


def _welcome(state: State) -> str:
    name = state.sound.get("name")
    return f"The last sound is back{f': {name}' if name else ''} ({Path(state.instrument).stem})."
