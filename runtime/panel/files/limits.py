"""Limits on uploads, downloads, and the time for work on an uploaded file."""

from __future__ import annotations

from runtime.service.updating.signed import LARGEST_BYTES as LARGEST_UPDATE_BYTES

MOST_CONNECTIONS = 8
CHUNK_BYTES = 15 * 2**10  # a file comes in pieces of at most this size, less than panel.limits.LONGEST_MESSAGE_BYTES
WINDOW_BYTES = 512 * 2**10  # the most bytes that a browser may have sent without being told of their arrival
SLOWEST_CHUNK_S = 30.0  # a browser that needs longer for a piece is disconnected
LARGEST_BYTES = {
    "midi": 16 * 2**20,
    "recording": 128 * 2**20,
    "sound": 80 * 2**20,
    "taught": 128 * 2**20,
    "update": LARGEST_UPDATE_BYTES,
}
MOST_TAUGHT, LARGEST_TAUGHT_BYTES = 300, 512 * 2**20  # recordings for one instrument: the most files, the most bytes
LONGEST_NAME = 200  # the most characters of a file's name
# For one page: requests per second, and the most requests at once after a pause.
REQUEST_RATE, REQUEST_BURST = 20.0, 60.0
MOST_MINUTES = 30  # the longest piece of music that is rendered
LARGEST_RESULT_BYTES = 400 * 2**20
LONGEST_WORK_S = {"midi": 3600.0, "recording": 900.0, "sound": 120.0, "export": 60.0, "make": 2 * 3600.0}
MOST_TICKETS, TICKET_S = 16, 60.0
MOST_DOWNLOADS = 4
