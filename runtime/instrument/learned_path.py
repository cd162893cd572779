"""Finds a path from one knob position to another. The path stays near positions that the instrument learnt."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np

_N_NEIGHBOURS = 8


def learned_path(start: Sequence[float], end: Sequence[float], learned: np.ndarray) -> np.ndarray:
    """Positions from `start` to `end`, both included: float64 (n_points, n_latents).

    learned: positions of sounds that the instrument was taught, (n, n_latents). The path steps from one of these to the
    next, at the least total cost. A step costs the square of its length, so short steps are cheaper than one long step.
    Source: Dijkstra 1959; squared lengths give the "Fermat distance" of power 2.
    """
    ends = np.array([start, end], np.float64)
    if len(learned) == 0:
        return ends
    points = np.concatenate((ends, np.asarray(learned, np.float64)))
    cost = np.sum((points[:, None] - points[None]) ** 2, axis=2)
    neighbours = np.argsort(cost, axis=1)[:, 1 : _N_NEIGHBOURS + 1]
    links = [set(row.tolist()) for row in neighbours]
    for point, row in enumerate(neighbours):
        for other in row.tolist():
            links[other].add(point)
    links[0].add(1)  # the straight path, taken if no other is cheaper
    return points[_cheapest(cost, links)]


def _cheapest(cost: np.ndarray, links: Sequence[set[int]]) -> list[int]:
    """The cheapest path from point 0 to point 1, both included."""
    best, before, queue = {0: 0.0}, {}, [(0.0, 0)]
    while queue:
        total, point = heapq.heappop(queue)
        if point == 1:
            break
        if total > best[point]:
            continue
        for other in sorted(links[point]):
            new = total + float(cost[point, other])
            if new < best.get(other, float("inf")):
                best[other], before[other] = new, point
                heapq.heappush(queue, (new, other))
    way = [1]
    while way[-1] != 0:
        way.append(before[way[-1]])
    return way[::-1]
