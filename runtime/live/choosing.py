"""Chooses another sound while the instrument plays."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from runtime.base.errors import UserError, did_you_mean
from runtime.companion.child import CompanionChild, Otherwise, Then
from runtime.events import SoundChange
from runtime.instrument.library import available
from runtime.live.present import name_of
from runtime.sound.choice import WrittenSound, patch_of_tree
from runtime.sound.file import sound_from_tree
from runtime.sound.own import BANK_SIZE
from runtime.sound.patch import Patch, at_volume

if TYPE_CHECKING:
    from runtime.live.desk import Playing


class Whole(Protocol):
    """What `Choosing` needs of `Swaps`.

    plays_whole: whether a sound with parts plays.
    is_taking_over: whether another instrument plays from the next block on.
    ask_whole: replaces all parts.
    """

    plays_whole: bool
    is_taking_over: bool

    def ask_whole(self, instrument: str | None, sound: str | WrittenSound, name: str | None) -> None: ...


class TooLateError(UserError):
    """Another sound was chosen while this one was being read."""


class Choosing:
    """Chooses a sound by its name, by its MIDI number, or as the next one.

    Bank 0 has the instrument's sounds, banks 1 and up have the user's sounds.

    changed: publishes each thing that has changed, by name.
    swap: None, or a function that lets a part play another instrument. Its arguments are the part's number, the
        instrument's name, a sound's file, and the sound's name.
    swap_is_pending: a function that returns whether another instrument was requested and does not play yet.
    whole: None, or an object that plays sounds with parts.
    """

    def __init__(
        self,
        playing: Playing,
        companion: CompanionChild,
        changed: Callable[..., object],
        say: Callable[[str], object],
    ):
        self._playing, self._companion, self._changed, self._say = playing, companion, changed, say
        self.swap: Callable[[int, str, str | None, str | None], object] | None = None
        self.swap_is_pending: Callable[[], bool] = lambda: False
        self.whole: Whole | None = None
        self._number: int | None = None  # the present sound's MIDI number, bank * 128 + program; None if it has none
        self._patch: Patch | None = None  # the patch of the sound with this number
        self._pending: int | None = None  # the number of a sound that is being read
        self._n_choices = 0
        self._before: Patch | None = None  # the patch that the engine plays until the chosen patch reaches it

    def choose(self, name: str, then: Then, otherwise: Otherwise) -> None:
        """Choose the user's sound with this name, or else the instrument's sound with this name.

        then: called with a dict of the names of the sound and the instrument.
        otherwise: called with a UserError.
        """

        def not_own(error: UserError) -> None:
            names = self._names()
            if name in names:
                self._play_own_of_instrument(names.index(name), then, otherwise)
            elif error.where == "sound's name":  # no sound has this name
                known = f"a sound of {self._playing.choice.instrument.card.name}, or one of your own"
                otherwise(UserError("sound's name", repr(name), known, did_you_mean(name, names)))
            else:
                otherwise(error)

        self._companion.ask("sounds.read", self._player(then, otherwise), not_own, name=name)

    def choose_number(self, number: int, then: Then, otherwise: Otherwise) -> None:
        """Choose as in `choose`, but by a MIDI number: bank * 128 + program."""
        if number < len(self._playing.choice.programs):
            self._play_own_of_instrument(number, then, otherwise)
        else:
            play = self._player(then, otherwise)
            self._pending = number
            self._companion.ask("sounds.at", play, self._ending(otherwise), number=number)

    def heard(self, number: int, part: int) -> None:
        """Choose the sound with this number, after a program change for which the engine of `part` has no sound.

        number: bank * 128 + program.
        If any part has a MIDI channel of its own, only the sound of `part` is replaced. If no part has one, a call for
        part 0 replaces the whole sound, and a call for another part does nothing.
        """
        if any(said.channel is not None for said, _ in self._playing.choice.parts):
            play = partial(self._play_on_part, part)
            self._companion.ask("sounds.at", play, self._complain, number=number)
        elif part == 0:
            self.choose_number(number, self._ignore, self._complain)

    def step(self, by: int) -> None:
        """Choose another sound: the one that comes `by` places later. After the last sound comes the first."""

        def step(rows: list[dict[str, Any]]) -> None:
            own = [BANK_SIZE * row["bank"] + row["program"] for row in rows if row["bank"] is not None]
            numbers = [*range(len(self._playing.choice.programs)), *own]
            if not numbers:
                return
            present = self._present_number()
            at = numbers.index(present) + by if present in numbers else min(by, 0)
            number = numbers[at % len(numbers)]

            def skip(error: UserError) -> None:
                if not isinstance(error, TooLateError):  # the next step must not try this sound again
                    self._number, self._patch = number, self._playing.engine.patch
                self._complain(error)

            self.choose_number(number, self._tell, skip)

        self._companion.ask("sounds.list", step, self._complain)

    def called(self, patch: Patch, name: str, number: int | None) -> None:
        """Give the playing sound the name and the number under which it was saved.

        patch: the engine's patch when the sound was saved; if the engine has another now, nothing changes.
        number: None if the saved sound has none.
        """
        engine = self._playing.engine
        if engine.patch is patch and self._pending is None:
            self._playing.call_sound(patch, name)
            self._number, self._patch, self._before = number, engine.patch, None

    def play_tree(self, tree: dict[str, Any], folder: Path | None, where: str) -> dict[str, Any]:
        """Play a sound, and return the names of the sound and the instrument.

        tree: the content of the sound's file.
        folder: the folder of the files that the tree names.
        where: the sound's name in messages.
        UserError if the sound does not fit the instrument.
        """
        choice = self._playing.choice
        if self.whole is not None and (tree.get("parts") or self.whole.plays_whole):
            name = sound_from_tree(tree, where).name
            return self._ask_whole(None, None, WrittenSound(tree, where, folder), name)
        if tree.get("parts"):
            raise UserError(where, "a sound with parts", "one without, while it plays", "start play with --sound")
        patch, remark = patch_of_tree(choice.settings, choice.instrument, tree, where, folder)
        if remark is not None:
            self._say(remark)
        return self._play(patch, None)

    def _player(self, then: Then, otherwise: Otherwise) -> Then:
        """Return a function that plays what the companion has read, unless another sound was chosen meanwhile."""
        self._n_choices += 1
        self._pending, number = None, self._n_choices

        def play(read: dict[str, Any]) -> None:
            if number != self._n_choices:
                expected = "the last sound that was asked for"
                otherwise(TooLateError("sound's name", f"{read['name']!r}, too late", expected, "choose it again"))
                return
            self._pending = None
            if self.whole is not None and (read["tree"].get("parts") or self.whole.plays_whole):
                number_of_it = None if read["bank"] is None else BANK_SIZE * read["bank"] + read["program"]
                then(self._ask_whole(number_of_it, None, read["file"], read["name"]))
                return
            try:
                other = self._other_instrument(read["tree"])
                if other is not None and self.swap is not None:
                    self.swap(0, other, read["file"], read["name"])
                    then({"name": read["name"], "instrument": other})
                    return
                played = self.play_tree(read["tree"] | {"name": read["name"]}, Path(read["folder"]), read["file"])
            except UserError as error:
                otherwise(error)
                return
            if read["bank"] is not None:
                self._number = BANK_SIZE * read["bank"] + read["program"]
            then(played)

        return play

    def _play_on_part(self, part: int, read: dict[str, Any]) -> None:
        parts = self._playing.choice.parts
        if part >= len(parts):
            return  # a sound with fewer parts was chosen meanwhile
        try:
            if read["tree"].get("parts"):
                raise UserError(read["file"], "a sound with parts", "one without, for a part", "choose another program")
            other = self._other_instrument(read["tree"], part)
            if other is not None and self.swap is not None:
                self.swap(part, other, read["file"], read["name"])
                return
            choice, tree = parts[part][1], read["tree"] | {"name": read["name"]}
            patch, remark = patch_of_tree(choice.settings, choice.instrument, tree, read["file"], Path(read["folder"]))
            if remark is not None:
                self._say(remark)
            self._post(at_volume(patch, parts[0][1].patch.settings.volume_db), part)
            self._changed(sound=read["name"])
        except UserError as error:
            self._complain(error)

    def _ask_whole(
        self, number: int | None, instrument: str | None, sound: str | WrittenSound, name: str | None
    ) -> dict[str, Any]:
        self._n_choices += 1
        self._pending = number
        self.whole.ask_whole(instrument, sound, name)
        return {"name": name, "instrument": self._playing.choice.instrument.path.stem, "waits": True}

    def _other_instrument(self, tree: dict[str, Any], part: int = 0) -> str | None:
        """The instrument that a sound's tree names; None if it is not installed, or if the part plays it already."""
        made_for = tree.get("instrument")
        name = made_for["name"] if isinstance(made_for, dict) else made_for
        return name if name in available() and name != self._playing.part_engines()[part].instrument.path.stem else None

    def _ending(self, otherwise: Otherwise) -> Otherwise:
        def end(error: UserError) -> None:
            self._pending = None
            otherwise(error)

        return end

    def _play_own_of_instrument(self, number: int, then: Then, otherwise: Otherwise) -> None:
        choice = self._playing.choice
        if self.whole is not None and self.whole.plays_whole:
            name = choice.programs[number].sound.name
            then(self._ask_whole(number, str(choice.instrument.path), name, name))
            return
        try:
            played = self._play(choice.programs[number], number)
        except UserError as error:
            otherwise(error)
            return
        then(played)

    def _play(self, patch: Patch, number: int | None) -> dict[str, Any]:
        before = self._playing.engine.patch
        self._post(patch, 0)
        self._n_choices += 1
        self._pending = None
        self._before = before
        self._number, self._patch = number, patch
        played = {"name": patch.sound.name, "instrument": self._playing.choice.instrument.path.stem}
        self._changed(sound=played["name"])
        return played

    def _post(self, patch: Patch, part: int) -> None:
        if self.whole is not None and self.whole.is_taking_over:
            # The patch would go to the engine that still plays; the next block's engine would not have it.
            found = "an instrument that takes over at this moment"
            raise UserError(f"sound {patch.sound.name}", found, "one that plays", "choose the sound again")
        self._playing.post(SoundChange(self._playing.part_engines()[part].prepare(patch), part))

    def _present_number(self) -> int | None:
        """The present sound's MIDI number; a program change may have chosen this sound inside the engine."""
        if self._pending is not None:
            return self._pending
        patch = self._playing.engine.patch
        if patch is self._patch:
            self._before = None
        if self._patch is not None and (patch is self._patch or patch is self._before):
            return self._number
        # A patch whose sound has no name plays a preset: the one in the settings, or the instrument's first.
        if patch.sound.name is None:
            names, name = self._names(), name_of(self._playing.engine, self._playing.choice)
            return names.index(name) if name in names else None
        return next((i for i, each in enumerate(self._playing.choice.programs) if each is patch), None)

    def _names(self) -> list[str | None]:
        return [patch.sound.name for patch in self._playing.choice.programs]

    def _tell(self, played: dict[str, Any]) -> None:
        if "waits" not in played:
            self._say(f"Sound: {played['name']}.")

    def _ignore(self, _played: object) -> None:
        """Do nothing with the answer to a program change: nobody waits for it."""

    def _complain(self, error: UserError) -> None:
        if not isinstance(error, TooLateError):
            self._say(f"The sound stays as it is: {error}")
