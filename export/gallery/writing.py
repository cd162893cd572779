"""Writes the gallery: the audio, the pictures and, last, the page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from export.gallery.audio import LOUDNESS_LUFS
from export.gallery.exhibit import Exhibit
from export.gallery.page import FOLDER, page_of, section_of, sections_of
from runtime.base.files import atomic_write, read_bounded_file, refuse_bad_target

PAGE = "gallery.md"
LARGEST_PAGE_BYTES = 4_000_000


def kept_sections(out: Path, known: Sequence[str]) -> dict[str, str]:
    """The page's sections of the instruments in `known`, by the instrument's name; empty if `out` has no page."""
    path = out / PAGE
    if not path.exists():
        return {}
    page = read_bounded_file(path, "the gallery's page", LARGEST_PAGE_BYTES).decode("utf-8")
    return {name: text for name, text in sections_of(page).items() if name in known}


def write_gallery(out: Path, exhibits: Sequence[Exhibit], kept: dict[str, str], order: Sequence[str]) -> list[Path]:
    """Write each instrument's files, then the page; returns all paths.

    kept: sections of other instruments, from `kept_sections`.
    order: names of instruments, in the page's order; instruments that are not among them come last.
    """
    contents = {out / FOLDER / name: content for exhibit in exhibits for name, content in exhibit.files.items()}
    for path in (*contents, out / PAGE):
        refuse_bad_target(path)
    sections = kept | {exhibit.name: section_of(exhibit) for exhibit in exhibits}
    ranks = {name: place for place, name in enumerate(order)}
    sections = dict(sorted(sections.items(), key=lambda item: ranks.get(item[0], len(ranks))))
    for path, content in contents.items():
        with atomic_write(path, "wb") as stream:
            stream.write(content)
    with atomic_write(out / PAGE) as stream:
        stream.write(page_of(sections, LOUDNESS_LUFS))
    return [*contents, out / PAGE]
