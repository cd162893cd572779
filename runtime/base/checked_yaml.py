"""Reads a YAML file into a checked structure; an unknown key or a value out of range raises a UserError."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeVar

import msgspec
import yaml

from runtime.base.errors import UserError, did_you_mean
from runtime.base.files import read_bounded_file

T = TypeVar("T")
LARGEST_BYTES = 256 * 2**10
MOST_ALIASES = 10
MOST_VALUES = 50_000  # PyYAML needs 50 us for each value: 2.5 s for this many
LONGEST_NUMBER = 100  # in characters: Python reads very long numbers in quadratic time, and cannot print them
_EXPECTED = "a readable YAML file"


def load_yaml(path: str | Path, kind: type[T]) -> T:
    """Read a YAML file as an object of the type `kind`; an empty file is read as `{}`.

    kind: a msgspec.Struct type, or a dict type.
    UserError if the file is unreadable, is not YAML or does not fit `kind`. It names the file, and the line or the key.
    """
    return load_yaml_text(read_bounded_file(path, _EXPECTED, LARGEST_BYTES), kind, path)


def load_yaml_text(content: bytes, kind: type[T], path: object) -> T:
    """Read a YAML file's content as `load_yaml` does. path: names the file in messages."""
    try:
        tree = yaml.load(content.decode("utf-8"), _Loader)
    except UnicodeDecodeError as error:
        raise UserError(path, str(error), _EXPECTED, "check the path") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark else path
        found = getattr(error, "problem", None) or "broken YAML"
        raise UserError(where, found, "valid YAML", "correct that line") from None
    except RecursionError:
        raise UserError(path, "lists inside lists without end", "valid YAML", "write fewer brackets") from None
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        # PyYAML's converters raise these on a malformed number, date or tag
        raise UserError(path, f"a value that cannot be read ({error})", "valid YAML", "correct it") from None
    return checked({} if tree is None else tree, kind, path)


class _Loader(yaml.SafeLoader):
    """A YAML loader with limits.

    An alias repeats an earlier part of the file. That part may contain aliases, too, so a small file could fill the
    memory. Therefore the number of aliases is limited.
    """

    def __init__(self, stream: str):
        super().__init__(stream)
        self._n_aliases = self._n_values = 0

    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node | None:
        self._n_values += 1
        self._n_aliases += self.check_event(yaml.AliasEvent)
        if self._n_aliases > MOST_ALIASES:
            self._refuse(f"more than {MOST_ALIASES} aliases")
        if self._n_values > MOST_VALUES:
            self._refuse(f"more than {MOST_VALUES:,} values")
        return super().compose_node(parent, index)

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        """The number that a node stands for; ValueError for more than LONGEST_NUMBER characters."""
        if len(node.value) > LONGEST_NUMBER:
            raise ValueError(f"a number of {len(node.value):,} characters")
        is_whole = node.tag.endswith(":int")
        return self.construct_yaml_int(node) if is_whole else self.construct_yaml_float(node)

    def _refuse(self, problem: str) -> None:
        raise yaml.composer.ComposerError(None, None, problem, self.peek_event().start_mark)


for _tag in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _Loader.construct_number)


def checked(tree: object, kind: type[T], where: object) -> T:
    """Convert a tree of plain values to the type `kind`; UserError if it does not fit.

    where: names the tree in messages.
    """
    try:
        return msgspec.convert(tree, kind)
    except msgspec.ValidationError as error:
        message = str(error)
        unknown = re.match(r"Object contains unknown field `(.*?)`(?: - at `(.*)`)?", message)
        if unknown:
            key, at = unknown.group(1), unknown.group(2) or "$"
            remedy = did_you_mean(key, _known_fields(kind, at))
            raise UserError(where, f"unknown key {key!r}{_place(at)}", "a key that exists", remedy) from None
        raise _violation(message, tree, where) from None


def _violation(message: str, tree: object, where: object) -> UserError:
    """The UserError for one of msgspec's messages. Such a message is: Expected `int` <= 127 - at `$.note`"""
    expectation, _, at = message.partition(" - at ")
    at = at.strip("`").replace("key` in `", "")
    missing = re.fullmatch(r"Object missing required field `(.*)`", expectation)
    if missing:
        return UserError(where, f"no key {missing.group(1)!r}{_place(at)}", "one", "add it")
    unknown_choice = re.fullmatch(r"Invalid enum value (.*)", expectation)
    if unknown_choice:
        return UserError(where, f"{unknown_choice.group(1)}{_place(at)}", "one of the known values", "change it")
    expected, _, found = expectation.removeprefix("Expected ").partition(", got ")
    return UserError(where, f"{found or _value_at(tree, at)}{_place(at)}", expected, "change that value")


def _place(at: str) -> str:
    at = at.removeprefix("$").removeprefix(".")
    return f" at {at}" if at else ""


def _value_at(tree: object, at: str) -> str:
    """The value at a place in the tree, as text; for a dict or a list, only its type.

    at: the place as msgspec writes it, such as `$.keys[2].note`.
    """
    for name, index in re.findall(r"\.(\w+)|\[(\d+|\.\.\.)\]", at):
        try:
            tree = tree[name] if name else tree[int(index)]  # type: ignore[index]
        except (KeyError, IndexError, TypeError, ValueError):
            return "another value"
    return repr(tree) if not isinstance(tree, (dict, list)) else f"a {type(tree).__name__}"


def _known_fields(kind: type, at: str) -> list[str]:
    """The field names of the structure at a place inside the type `kind`. at: the place, as in `_value_at`."""
    info = msgspec.inspect.type_info(kind)
    for name, _ in re.findall(r"\.(\w+)|(\[[^\]]*\])", at):
        info = _step(info, name)
    return [field.encode_name for field in getattr(_struct(info), "fields", ())]


def _struct(info: object) -> object:
    """The structure inside a union such as an optional type; other types are returned unchanged."""
    if isinstance(info, msgspec.inspect.UnionType):
        return next((t for t in info.types if isinstance(t, msgspec.inspect.StructType)), info)
    return info


def _step(info: object, name: str) -> object:
    """The type of a structure's field `name`; without a name, the type of a list's items or of a dict's values."""
    info = _struct(info)
    if not name:
        return getattr(info, "item_type", None) or getattr(info, "value_type", info)
    return next((field.type for field in getattr(info, "fields", ()) if field.encode_name == name), info)
