// Places among the learnt frames: from the map to the latents and back, by the nearest frames, weighted by distance.
const N_NEAREST = 6;
const TINY = 1e-9;

/** The nearest of some points, [{k, weight}], weights that add up to 1: the inverse square of each one's distance. */
export function nearest(points, place, n = N_NEAREST) {
  const found = points.map((point, k) => ({ k, square: point.reduce((sum, x, d) => sum + (x - place[d]) ** 2, 0) }));
  found.sort((a, b) => a.square - b.square);
  const near = found.slice(0, n).map(({ k, square }) => ({ k, weight: 1 / (square + TINY) }));
  const whole = near.reduce((sum, { weight }) => sum + weight, 0);
  return near.map(({ k, weight }) => ({ k, weight: weight / whole }));
}

/** The mean of the rows that `near` names, by its weights. */
export function blend(rows, near) {
  return rows[0].map((_, d) => near.reduce((sum, { k, weight }) => sum + weight * rows[k][d], 0));
}

/** What share each label has of the nearest frames: [[label, share]], the largest first. */
export function shares(labels, near) {
  const found = new Map();
  for (const { k, weight } of near) found.set(labels[k], (found.get(labels[k]) ?? 0) + weight);
  return [...found].sort((a, b) => b[1] - a[1]);
}

/** A label's own place: the one of its points that is nearest to their mean. */
export function middleOf(points) {
  const mean = points[0].map((_, d) => points.reduce((sum, point) => sum + point[d], 0) / points.length);
  return points[nearest(points, mean, 1)[0].k];
}
