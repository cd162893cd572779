// Converts places on the map to latents and back: means of the nearest learnt frames, weighted by distance.
const N_NEAREST = 6;
const TINY = 1e-9;

/** The nearest points, [{k, weight}]; weights are inverse squares of the distances, scaled to a sum of 1. */
export function nearest(points, place, n = N_NEAREST) {
  const found = points.map((point, k) => ({ k, square: point.reduce((sum, x, d) => sum + (x - place[d]) ** 2, 0) }));
  found.sort((a, b) => a.square - b.square);
  const near = found.slice(0, n).map(({ k, square }) => ({ k, weight: 1 / (square + TINY) }));
  const whole = near.reduce((sum, { weight }) => sum + weight, 0);
  return near.map(({ k, weight }) => ({ k, weight: weight / whole }));
}

/** The weighted mean of the rows in `near`. */
export function blend(rows, near) {
  return rows[0].map((_, d) => near.reduce((sum, { k, weight }) => sum + weight * rows[k][d], 0));
}

/** Each label's share of the nearest frames: [[label, share]], the largest first. */
export function shares(labels, near) {
  const found = new Map();
  for (const { k, weight } of near) found.set(labels[k], (found.get(labels[k]) ?? 0) + weight);
  return [...found].sort((a, b) => b[1] - a[1]);
}

/** The point of a label that is nearest to the mean of the label's points. */
export function middleOf(points) {
  const mean = points[0].map((_, d) => points.reduce((sum, point) => sum + point[d], 0) / points.length);
  return points[nearest(points, mean, 1)[0].k];
}
