"""One end of a non-blocking stream socket, with bounded buffers."""

from __future__ import annotations

import contextlib
import socket
import time

_RECEIVE_BYTES = 64 * 2**10
_LONGEST_FAREWELL_S = 1.0


class Connection:
    """Sends and receives lines over a non-blocking stream socket.

    longest_line: the most bytes that a received line may have.
    most_unsent: the most bytes that may wait to be sent.
    is_open: False after `close`. A send that fails also closes the socket, and so do too many bytes that wait.
    has_ended: whether the other end has stopped sending.
    too_long: whether the other end has sent a line that is too long.
    heard_s: when `take_line` last returned a line, by `time.monotonic()`.
    """

    def __init__(self, stream: socket.socket, longest_line: int, most_unsent: int):
        stream.setblocking(False)
        self._socket, self._longest, self._most_unsent = stream, longest_line, most_unsent
        self._received, self._unsent = bytearray(), bytearray()
        self.is_open, self.has_ended, self.too_long = True, False, False
        self.heard_s = self._moved_s = time.monotonic()
        self._leaves_s: float | None = None
        self._searched = 0  # `_received` has no newline before this index

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def can_receive(self) -> bool:
        """Whether more bytes may arrive."""
        return self.is_open and not self.has_ended

    @property
    def has_unsent(self) -> bool:
        return bool(self._unsent)

    @property
    def has_line(self) -> bool:
        """Whether a whole line has been received and not been taken yet."""
        found = self._received.find(b"\n", self._searched)
        if found < 0:
            self._searched = len(self._received)
        return found >= 0

    @property
    def is_leaving(self) -> bool:
        return self._leaves_s is not None

    @property
    def is_overdue(self) -> bool:
        """Whether all was sent, and the other end still has not closed the connection 1 s after `leave`."""
        return self._leaves_s is not None and not self._unsent and time.monotonic() > self._leaves_s

    def stuck_s(self) -> float:
        """For how many seconds the socket has accepted none of the bytes that wait to be sent; 0 if none waits."""
        return time.monotonic() - self._moved_s if self._unsent else 0.0

    def receive(self) -> None:
        """Receive at most 64 KiB; receive nothing while more than `longest_line` bytes wait to be taken."""
        if not self.can_receive or len(self._received) > self._longest:
            return
        try:
            data = self._socket.recv(_RECEIVE_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        self.has_ended = not data
        if not self.is_leaving:
            self._received += data

    def take_line(self) -> bytes | None:
        """Remove and return the next line, without its newline; None if that line is incomplete or too long."""
        if not self.has_line:
            self.too_long = len(self._received) > self._longest
            return None
        end = self._received.find(b"\n", self._searched)
        if end > self._longest:
            self.too_long = True
            return None
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        self._searched, self.heard_s = 0, time.monotonic()
        return line

    def send(self, line: bytes) -> None:
        """Send a line. Bytes that cannot be sent yet wait; if more than `most_unsent` wait, close the socket.

        After `leave`, nothing is sent.
        """
        if not self.is_open or self.is_leaving:
            return
        if not self._unsent:
            self._moved_s = time.monotonic()
        self._unsent += line
        self.flush()
        if len(self._unsent) > self._most_unsent:
            self.close()

    def send_with(self, line: bytes, descriptor: int) -> None:
        """Send a line with a file descriptor; close the socket if a part of the line would have to wait."""
        try:
            if not self.is_open or self.is_leaving:
                return
            if self._unsent or socket.send_fds(self._socket, [line], [descriptor]) < len(line):
                self.close()
        except OSError:
            self.close()

    def flush(self) -> None:
        """Send as many of the waiting bytes as the socket accepts now."""
        try:
            while self._unsent and self.is_open:
                n_sent = self._socket.send(self._unsent)
                del self._unsent[:n_sent]
                self._moved_s = time.monotonic()
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.close()
        if self.is_leaving:
            self.end_sending()

    def end_sending(self) -> None:
        """Tell the other end that nothing more will be sent."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def leave(self) -> None:
        """Send what waits and nothing more, and ignore further lines.

        Call `close` when all is sent and the other end has stopped sending (`has_ended`), or does not stop
        (`is_overdue`). If the socket were closed now, sending would fail at the other end, which would then not read
        what was sent to it.
        """
        if self.is_open and self._leaves_s is None:
            self._leaves_s = time.monotonic() + _LONGEST_FAREWELL_S
            self._received.clear()
            self._searched, self.too_long = 0, False
            self.flush()

    def close(self) -> None:
        """Close the socket, and forget the unsent bytes; received lines can still be taken."""
        self.is_open = False
        self._unsent.clear()
        self._socket.close()
