"""The messages of the link: JSON-RPC 2.0, one message a line, without batches.

docs/link.md describes them for authors of other programs. JSON-RPC: jsonrpc.org/specification.
"""

from __future__ import annotations

from typing import Any

import msgspec

from runtime.base.errors import UserError

LONGEST_LINE_BYTES = 256 * 2**10
NOT_JSON, NOT_A_REQUEST, UNKNOWN_METHOD, WRONG_PARAMS, OUR_FAILURE = -32700, -32600, -32601, -32602, -32603
REFUSED = -32000

Id = int | str | None
# What reading a message may raise: ValueError if its line is too long, RecursionError if it is nested too deep.
Failures = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError)


class Request(msgspec.Struct, frozen=True, gc=False):
    """What a client asks for.

    method: name of the request.
    params: a JSON object.
    id: returned with the answer; None if no answer is wanted.
    """

    method: str
    params: msgspec.Raw = msgspec.Raw(b"{}")
    id: Id = None


class NoParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No params: for requests that need none."""


class Problem(msgspec.Struct, frozen=True, gc=False):
    """Why a request was refused.

    code: one of the numbers above.
    data: a UserError's parts (where, found, expected, remedy), or None.
    """

    code: int
    message: str
    data: dict[str, str] | None = None


class Message(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a client receives: an answer or news.

    An answer has a result or an error. News have a method (their topic) and no id.
    """

    id: Id = None
    result: Any = None
    error: Problem | None = None
    method: str | None = None
    params: Any = None


def answer_line(number: Id, result: object) -> bytes:
    """The answer to a request, as a line."""
    return msgspec.json.encode({"jsonrpc": "2.0", "id": number, "result": result}) + b"\n"


def error_line(number: Id, code: int, error: Exception | str) -> bytes:
    """The answer to a refused request, as a line."""
    return msgspec.json.encode({"jsonrpc": "2.0", "id": number, "error": problem_of(code, error)}) + b"\n"


def news_line(topic: str, news: object) -> bytes:
    """News of a topic, as a line."""
    return msgspec.json.encode({"jsonrpc": "2.0", "method": topic, "params": news}) + b"\n"


def request_line(method: str, params: dict[str, object], number: Id) -> bytes:
    """A request, as a line."""
    return msgspec.json.encode({"jsonrpc": "2.0", "method": method, "params": params, "id": number}) + b"\n"


def problem_of(code: int, error: Exception | str) -> Problem:
    """The problem that an error describes."""
    return Problem(code, str(error), _parts(error) if isinstance(error, UserError) else None)


def error_of(problem: Problem) -> UserError:
    """The UserError that a problem describes."""
    if problem.data is not None and problem.data.keys() == {"where", "found", "expected", "remedy"}:
        return UserError(**problem.data)
    return UserError("play", problem.message, "a request that it knows", "use the same version of both programs")


def _parts(error: UserError) -> dict[str, str]:
    return {name: getattr(error, name) for name in ("where", "found", "expected", "remedy")}
