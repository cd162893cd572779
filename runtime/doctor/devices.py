"""Checks sound cards, the programs that use them, and keyboards.

A separate process asks the drivers: some hang if their sound server has died.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from pathlib import Path

from runtime.audio.devices import OutputDevice, choose_output, list_outputs, load_portaudio
from runtime.audio.output import NO_DEVICE
from runtime.base.errors import UserError
from runtime.base.quiet import quiet_stderr
from runtime.doctor.findings import BAD, GOOD, MEND, Finding, Given, NoAnswerError, ask_process, text_of
from runtime.midi.rtmidi_apis import api_names, api_number, list_inputs, wanted_ports

PATIENCE_S = 20.0
SOUND_SERVERS = ("pipewire", "pulseaudio", "jackd", "jackdbus")
_JOIN_AUDIO = "sudo usermod -a -G audio $USER && echo 'now log out, and in again'"
_RESTART_SERVER = "start the sound server again: systemctl --user restart pipewire, or end jackd; then ask again"


def check_devices(given: Given) -> list[Finding]:
    """Check `play`'s sound card and keyboards, and the programs that use sound cards."""
    try:
        listed = ask_process("runtime.doctor.devices", limit_s=PATIENCE_S)
    except NoAnswerError as error:
        return [Finding("Sound card", BAD, f"the drivers do not say what is here: {error}", _RESTART_SERVER)]
    outputs = [OutputDevice(*each) for each in listed["outputs"]]
    return [*_card(given, outputs), *_holders(given), *_keyboards(given, listed["inputs"])]


def _card(given: Given, outputs: list[OutputDevice]) -> list[Finding]:
    audio = given.config.audio
    if audio.device == NO_DEVICE:
        return [Finding("Sound card", MEND, "the settings say: no sound", "in the settings, audio: {device: null}")]
    try:
        chosen = choose_output(outputs, audio.host_api, audio.device)
    except UserError as error:
        remedy = "see what is here, and name one: ./timbrebox devices"
        return [Finding("Sound card", BAD, f"the settings ask for {error.found}, which is not here", remedy)]
    if chosen is None:
        nodes = [path for path in given.root.glob("dev/snd/pcm*p") if not os.access(path, os.W_OK)]
        if nodes:
            return [Finding("Sound card", BAD, "this user may not use the sound cards", _JOIN_AUDIO)]
        says = "none is here; play waits, and takes one as soon as it comes"
        return [Finding("Sound card", MEND, says, "plug one in, or start the sound server; then: ./timbrebox devices")]
    rate_hz = audio.sample_rate_hz or chosen.default_rate_hz
    given.figures["sample_rate_hz"] = rate_hz
    more = f"; {len(outputs) - 1} more outputs: ./timbrebox devices" if len(outputs) > 1 else ""
    return [Finding("Sound card", GOOD, f"{chosen}, {rate_hz} Hz{_rates(given.root)}{more}")]


def _rates(root: Path) -> str:
    found = []
    for path in sorted(root.glob("proc/asound/card*/stream*")):
        playback = text_of(path).partition("Playback:")[2].partition("Capture:")[0]
        rates = sorted({int(rate) for line in re.findall(r"Rates: ([\d, ]+)", playback) for rate in line.split(",")})
        if rates:
            found.append(f"; {path.parent.name} can play {', '.join(map(str, rates))} Hz")
    return "".join(found)


def holders(root: Path) -> dict[int, str]:
    """The names of the programs that have a sound card open for playback.

    A key is the number of a program's process, or of the program's thread that opened the card.

    The cards' status files name only some of these programs; open files show the others.
    root: the folder that contains proc.
    """
    found = set()
    for path in root.glob("proc/asound/card*/pcm*p/sub*/status"):
        found |= {int(number) for number in re.findall(r"^owner_pid\s*:\s*(\d+)", text_of(path), re.MULTILINE)}
    for path in root.glob("proc/[0-9]*/fd/*"):
        with suppress(OSError):
            if re.fullmatch(r"/dev/snd/pcm\w+p", os.readlink(path)):
                found.add(int(path.parts[-3]))
    return {process: text_of(root / f"proc/{_leader(root, process)}/comm") or "a program" for process in sorted(found)}


def _leader(root: Path, process: int) -> int:
    """The process that a thread belongs to. A card's status file gives only the thread that opened the card."""
    leader = re.search(r"^Tgid:\s*(\d+)", text_of(root / f"proc/{process}/status"), re.MULTILINE)
    return int(leader[1]) if leader else process


def _holders(given: Given) -> list[Finding]:
    own = (given.playing or {}).get("process")
    every = holders(given.root)
    found = {number: name for number, name in every.items() if _leader(given.root, number) != own}
    strangers = {number: name for number, name in found.items() if name not in SOUND_SERVERS}
    if strangers:
        names = ", ".join(f"{name} (process {number})" for number, name in strangers.items())
        says = f"{names} has a sound card; if it is the one above, play cannot have it"
        return [Finding("Who has it", MEND, says, f"close it: kill {' '.join(map(str, strangers))}")]
    if len(found) < len(every):
        return [Finding("Who has it", GOOD, "Timbrebox, which plays")]
    if found:
        return [Finding("Who has it", GOOD, f"{', '.join(found.values())}, a sound server: several programs can play")]
    return []


def _keyboards(given: Given, inputs: dict[str, list[str] | str]) -> list[Finding]:
    midi = given.config.midi
    api = next((name for name, number in api_names().items() if number == api_number(midi.api)), "")
    ports = inputs.get(api, [])
    if isinstance(ports, str):
        remedy = "sudo modprobe snd-seq" if "sequencer" in ports else "start the MIDI server, or set midi: {api: null}"
        return [Finding("Keyboard", MEND, f"none can be found: {ports}", remedy)]
    wanted = wanted_ports(ports, midi.inputs)
    if wanted:
        return [Finding("Keyboard", GOOD, ", ".join(wanted))]
    if midi.inputs:
        says = f"none of {len(ports)} inputs has a name as in the settings: {', '.join(midi.inputs)}"
        return [Finding("Keyboard", MEND, says, "see the names: ./timbrebox devices")]
    return [Finding("Keyboard", MEND, "none is here; play takes one as soon as it comes", "plug one in")]


def _list_all() -> dict[str, object]:
    """The outputs, and the inputs of each MIDI API; an error's text in place of inputs that cannot be listed."""
    portaudio = load_portaudio()
    outputs = list_outputs(portaudio)
    inputs: dict[str, object] = {}
    for name, api in api_names().items():
        try:
            inputs[name] = list_inputs(api)
        except OSError as error:
            inputs[name] = str(error)
    return {"outputs": outputs, "inputs": inputs}


if __name__ == "__main__":
    with quiet_stderr():
        answer = json.dumps(_list_all())
    print(answer, flush=True)
    os._exit(0)  # a normal exit would close PortAudio, and this may hang, too
