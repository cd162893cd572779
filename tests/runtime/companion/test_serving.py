"""When its loop ends, the companion calls what `at_end` registered. Here, the loop runs in the test's process."""

from __future__ import annotations

import math
import socket

from runtime.companion.serving import Companion


def test_it_does_its_last_work_also_if_it_was_just_telling_something_when_the_playing_process_died() -> None:
    ours, theirs = socket.socketpair()
    companion, ended = Companion(ours), []

    def routine() -> float:
        theirs.close()
        companion.tell("say", line="half of it is written")
        return math.inf

    companion.every(routine)
    companion.at_end(lambda: ended.append(True))
    companion.run()
    assert ended == [True]
