// Which pins a spot of the map is near, at or between, in pixels: what is said must agree with what is seen.
const N_AROUND = 3;
const AT_PIN_PX = 7; // a spot so near to a pin is at the pin, and between no two others
const N_PAIRED = 4, N_LIKED = 6; // so many of the nearest pins make pairs; more of them with the liked one
const ASIDE = 0.1, ALONG = 0.5, LIKED = 0.5; // of the distance between two pins: when a spot is between them
const TINY = 1e-9;

/** The pins that are nearest to a spot, [[name, share]]; shares are inverse squares of distances, scaled to a sum of 1.
 * pins, here and below: [[name, spot]]. */
export function around(spot, pins) {
  const near = pins.map(([name, at]) => [name, 1 / (far(at, spot) ** 2 + TINY)]);
  const first = near.sort((a, b) => b[1] - a[1]).slice(0, N_AROUND), whole = first.reduce((sum, each) => sum + each[1], 0);
  return first.map(([name, weight]) => [name, weight / whole]);
}

/** The name of the pin at a spot; null for none. */
export function pinAt(spot, pins) {
  return pins.find(([, at]) => far(at, spot) < AT_PIN_PX)?.[0] ?? null;
}

/** The pair of pins that a spot is best between, {a, b, share}, with the share of the way from a to b; null for none.
 * liked: name of a sound whose pairs are preferred. */
export function pairAround(spot, pins, liked) {
  const near = [...pins].sort((a, b) => far(a[1], spot) - far(b[1], spot)).slice(0, N_LIKED);
  let best = null, least = Infinity;
  near.forEach(([name, at], k) => near.slice(0, k).forEach(([other, there]) => {
    const isLiked = [name, other].includes(liked);
    if (!isLiked && k >= N_PAIRED) return;
    const { share, aside } = onLine(spot, at, there), off = Math.hypot(ALONG * (share - 0.5), aside);
    if (off >= ASIDE || off * (isLiked ? LIKED : 1) >= least) return;
    least = off * (isLiked ? LIKED : 1);
    best = other === liked ? { a: other, b: name, share: 1 - share } : { a: name, b: other, share };
  }));
  return best;
}

/** Where a spot is along the line from a to b, and how far it is beside it, both as shares of the line's length. */
export function onLine([x, y], [u, v], [p, q]) {
  const way = [p - u, q - v], square = way[0] ** 2 + way[1] ** 2 || TINY, off = [x - u, y - v];
  return { share: (off[0] * way[0] + off[1] * way[1]) / square, aside: Math.abs(off[0] * way[1] - off[1] * way[0]) / square };
}

function far([x, y], [u, v]) {
  return Math.hypot(x - u, y - v);
}
