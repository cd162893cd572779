"""Teach a running `play` which control moves what."""

from __future__ import annotations

import argparse
from typing import Any

from runtime.base.command_line import number_between
from runtime.base.errors import UserError
from runtime.commands.machine.devices import columns
from runtime.control.targets import ACTIONS
from runtime.link.client import Link, connect

_MORE_S = 2.0  # how long to wait for the result after the time limit, and then for the news that the map is saved
_FOREVER_S = 3600.0
USAGE = """timbrebox learn [--list | --monitor]
       timbrebox learn --target T [--timeout S] [--takeover HOW]
       timbrebox learn --unlearn T | --unlearn-all"""
_KINDS = {
    "PitchWheel": ("pitch_wheel", "pitch"),
    "Aftertouch": ("pressure", "value"),
    "PolyTouch": ("poly_pressure", "value"),
    "ProgramChange": ("program", "program"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add an option for each thing to do (the default is --list), and the options that go with --target."""
    parser.usage = USAGE
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="list what can be moved, where it stands and what moves it")
    what.add_argument("--target", metavar="T", help="learn: the next control that moves, moves this from then on")
    what.add_argument("--unlearn", metavar="T", help="forget what was learned for this")
    forgets = "forget all that was learned for the inputs seen since the start"
    what.add_argument("--unlearn-all", action="store_true", help=forgets)
    what.add_argument("--monitor", action="store_true", help="show what arrives until Ctrl+C")
    limit = number_between(0.5, 120.0)
    parser.add_argument("--timeout", metavar="S", type=limit, default=10.0, help="seconds to wait for the control (10)")
    takeover = "while the control and the target stand apart (jump)"
    ways = ("jump", "pick_up", "scaled")
    takeover = f"{', '.join(ways)}: {takeover}"
    parser.add_argument("--takeover", metavar="HOW", choices=ways, default="jump", help=takeover)


def run(arguments: argparse.Namespace) -> int:
    """Do what the options say. For this, ask the `play` that is running."""
    with connect() as link:
        if arguments.target is not None:
            _learn(link, arguments.target, arguments.timeout, arguments.takeover)
        elif arguments.unlearn is not None or arguments.unlearn_all:
            gone = link.ask("unlearn", target=arguments.unlearn)["unlearned"]
            print(f"Forgotten: {', '.join(gone)}." if gone else "Nothing was learned.")
        elif arguments.monitor:
            _monitor(link)
        else:
            _list(link)
    return 0


def _monitor(link: Link) -> None:
    names = _names(link)
    link.ask("watch", topics=["control"])
    while True:
        for _, event in link.news(_FOREVER_S):
            if event["device"] not in names:
                names = _names(link)
            print(_event_line(event, names), flush=True)


def _names(link: Link) -> dict[int, str]:
    return {each["device"]: each["name"] for each in link.ask("devices")}


def _list(link: Link) -> None:
    rows = [("target", "stands at", "moved by")]
    for each in link.ask("targets"):
        value = f"{_short(each['value'])} {each['unit']}".strip() if "value" in each else "action"
        rows.append((each["target"], value, ", ".join(each["moved_by"]) or "-"))
    print("Targets and actions (to learn one: learn --target NAME, then move a control)")
    for line in columns(rows):
        print(line)


def _short(value: float) -> str:
    """A number with three decimals at most; never -0, and never with an exponent."""
    return f"{round(value, 3) + 0.0:.3f}".rstrip("0").rstrip(".")


def _learn(link: Link, target: str, limit_s: float, takeover: str) -> None:
    """Let `play` learn which control moves `target`, and print every MIDI event until it has learned this.

    UserError if no control moves within `limit_s`, or if the map cannot be saved.
    """
    names = _names(link)
    link.ask("watch", topics=["control", "change"])
    number = link.ask("learn", target=target, timeout_s=limit_s, takeover=takeover)["number"]
    asked = "Press" if target in ACTIONS else "Move"
    encoder = "" if target in ACTIONS else " An encoder: first to the right."
    print(f"{asked} the control for {target} now, within {limit_s:g} s.{encoder}", flush=True)
    for topic, news in link.news(limit_s + _MORE_S):
        if topic == "control":
            print(_event_line(news, names), flush=True)
        outcome = news.get("learn", {}) if topic == "change" else {}
        if outcome.get("number") != number:
            continue
        if outcome["outcome"] != "learned":
            break
        _print_learned(outcome)
        _wait_until_kept(link)
        return
    found = f"no control that moved for {target}"
    raise UserError("learn", found, f"one within {limit_s:g} s", "try again, and move it more")


def _print_learned(outcome: dict[str, Any]) -> None:
    line, before = outcome["line"], outcome["before"]
    does = "starts" if "action" in line else "moves"
    said = f"{line['control']} of {outcome['device']} now {does} {outcome['target']}"
    mode = "" if line.get("mode", "absolute") == "absolute" else f" ({line['mode'].replace('_', ' ')})"
    print(f"{said}{mode}." + (f" Before, it moved {', '.join(before)}." if before else ""))


def _wait_until_kept(link: Link) -> None:
    for topic, news in link.news(_MORE_S):
        if topic == "change" and "map" in news:
            if "not_kept" in news:
                found = f"that it works, but is not kept ({news['not_kept']})"
                raise UserError("learn", found, "a map that is kept", "correct that, and learn it again")
            return
    raise UserError("learn", "that it works, but no word that it is kept", "a kept map", "try again")


def _event_line(event: dict[str, Any], names: dict[int, str]) -> str:
    name = names.get(event["device"], f"input {event['device']}")
    kind, place = event["kind"], f"{name}, channel {event['channel'] + 1}:"
    if kind == "ControlChange":
        return f"  {place} cc {event['control']} = {event['value']}"
    if kind in ("NoteOn", "NoteOff"):
        return f"  {place} note {event['note']} {'on' if kind == 'NoteOn' else 'off'}, velocity {event['velocity']}"
    name, key = _KINDS[kind]
    return f"  {place} {name} = {event[key]}"
