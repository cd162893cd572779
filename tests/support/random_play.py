"""Runs the live program without MIDI devices; a thread sends it random events, as a keyboard's driver would.

python -m tests.support.random_play SEED [OPTIONS OF PLAY]; the events begin when a line comes from the standard input.
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time

import msgspec

from runtime.commands import play as play_command
from runtime.config import load_config
from runtime.control.targets import RANGES
from runtime.events import (
    Aftertouch,
    Clock,
    ControlChange,
    Event,
    KnobTurn,
    NoteOff,
    NoteOn,
    PhaseBlend,
    PitchWheel,
    PolyTouch,
    ProgramChange,
    SoundChange,
    TargetMove,
    Tempo,
    VoiceLimit,
)
from runtime.live.supervisor import Supervisor
from runtime.live.waiting.stop_signal import StopSignal
from runtime.rack.part_choice import choose_parts
from runtime.sound.patch import Patch, PlayedMorph

CONTROLS = (1, 7, 10, 11, 64, 66, 67, 70, 71, 72, 73, 74, 76, 20, 3)


def random_event(chance: random.Random) -> Event:
    channel, device, value = chance.randrange(4), chance.randrange(3), chance.randrange(128)
    makers = (
        *(lambda: NoteOn(channel, chance.randrange(36, 90), chance.randrange(1, 128), device) for _ in range(8)),
        *(lambda: NoteOff(channel, chance.randrange(36, 90), value, device) for _ in range(6)),
        *(lambda: ControlChange(channel, chance.choice(CONTROLS), value, device) for _ in range(8)),
        lambda: ControlChange(channel, 123, 0, device),
        lambda: PitchWheel(channel, chance.randrange(-8192, 8192), device),
        lambda: PitchWheel(channel, 0, device),
        lambda: Aftertouch(channel, value, device),
        lambda: PolyTouch(channel, chance.randrange(36, 90), value, device),
        lambda: ProgramChange(channel, chance.randrange(8), device),
        lambda: KnobTurn(chance.randrange(8), chance.random()),
        lambda: PhaseBlend(chance.random()),
        *(lambda: TargetMove(f"latent.{chance.randrange(1, 8)}", chance.random()) for _ in range(2)),
        *(lambda: TargetMove(chance.choice(list(RANGES)), chance.random()) for _ in range(4)),
        lambda: Tempo(chance.uniform(40.0, 200.0)),
        lambda: VoiceLimit(chance.randrange(2, 16)),
        Clock,
    )
    return chance.choice(makers)()


def another_sound(supervisor: Supervisor, chance: random.Random) -> Patch:
    """A patch made of programs: a morph of three, or one program with the sound of another."""
    _, programs = supervisor.engine.sounds
    some = chance.sample(programs, 3)
    if chance.random() < 0.5:
        return msgspec.structs.replace(some[0], morph=PlayedMorph(tuple(some)))
    return msgspec.structs.replace(some[0], positions=None, sound=some[1].sound)


def disturb(supervisor: Supervisor, chance: random.Random) -> None:
    sys.stdin.readline()
    while True:
        for _ in range(chance.randrange(1, 4)):
            event, at_s = random_event(chance), time.perf_counter() - chance.choice((0.0, 0.0, 0.0, 0.02))
            if (
                chance.random() < 0.02 and not supervisor._swaps.is_pending
            ):  # a SoundChange fits only the engine that prepared it, and a pending swap would replace this engine
                event = SoundChange(supervisor.engine.prepare(another_sound(supervisor, chance)))
            if chance.random() < 0.1:
                supervisor._racks.rack.post(event)
            else:
                supervisor._post_arrived(event, at_s)
        time.sleep(chance.uniform(0.0, 0.08))
        if chance.random() < 0.3:
            supervisor._racks.rack.post(KnobTurn(chance.randrange(4), chance.random()))  # as a page would


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("seed", type=int)
    play_command.add_arguments(parser)
    arguments = parser.parse_args()
    config = play_command._with_options(load_config(arguments.config), arguments)
    choice = choose_parts(config, arguments.instrument, arguments.preset, arguments.sound)

    def say(line: str) -> None:
        print(line, flush=True)

    supervisor = Supervisor(choice, say, lambda **_: None)
    chance = random.Random(arguments.seed)
    threading.Thread(target=disturb, args=(supervisor, chance), daemon=True).start()
    stop = StopSignal()
    supervisor.run(stop)
    stop.close()


if __name__ == "__main__":
    main()
