"""Pages are told what plays, also those that connect at the moment at which `play` is found."""

from __future__ import annotations

import asyncio
import json

import pytest

from runtime.base.errors import UserError
from runtime.panel.pages import NOTHING, Pages


def test_a_greeting_that_began_before_play_was_found_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[bytes] = []

    async def connect_while_the_link_comes_up() -> bytes:
        pages, fails, is_up = Pages(ring=0), asyncio.Event(), False

        async def ask(method: str, _params: object) -> dict[str, str]:
            if is_up:
                return {"instrument": "tiny", "method": method}
            await fails.wait()
            raise UserError("play", "nothing that plays", "a running play", "start it")

        monkeypatch.setattr(pages.link, "ask", ask)
        monkeypatch.setattr(pages, "_tell", lambda _topic, line: told.append(line))
        early = asyncio.create_task(pages._greeting())
        await asyncio.sleep(0.01)  # now its questions are asked, and not answered yet
        is_up = True
        came = asyncio.create_task(pages._came())
        await asyncio.sleep(0.01)
        fails.set()
        await came
        return await early

    assert asyncio.run(connect_while_the_link_comes_up()) == NOTHING
    assert [json.loads(line)["params"]["card"]["instrument"] for line in told] == ["tiny"]
