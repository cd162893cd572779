// Which sound each place of the map has, and where on the map a sound is.
//
// Every place has one sound: a weighted mean of the learned frames around it and of the instrument's sounds, which at a
// sound's pin is this sound. A sound that a place has is at this place, so that what is kept there stays there. Any other
// sound is between the place with the nearest sound and the frames that are most like it.
const REACH = 0.04, FARTHEST = 6 * REACH; // how far a frame counts on the map: the standard deviation of its weight
const PIN_WEIGHT = 0.02; // of a pin, times the inverse square of its distance; a frame where it stands has weight 1
const APART = 0.035; // pins that are nearer than this are moved apart, so that each can be hit
const SAME = 1e-3; // between latents: so near are those of the same sound
const N_CELLS = 48; // a grid over the map, on which the search for a sound's place begins
const N_BEGINNINGS = 6, FARTHEST_CELLS = 2.5;
const N_STEPS = 40, LONGEST_STEP = 0.03, LEAST_GAIN = 1e-3; // of what is left
const EXACT = 1e-9; // a sum of squares of differences between latents, below which a place has a sound
const N_LIKE = 6, NEAREST_WEIGHT = 0.02; // the frames most like a sound; against them, the place with the nearest sound
const TINY = 1e-9;

/** The map of an instrument that has one: learned frames with places, and the sounds of the instrument.
 * pins: Map from the name of each of these sounds to its place. */
export class Sheet {
  /** frames, sounds: [{name, row}]; a row has a sound's latents; each frame has its place, too. */
  constructor(frames, sounds) {
    this.frames = frames;
    const places = movedApart(sounds.map(({ name, row }) => pinAmong(frames, name, row)));
    this.sounds = sounds.map((sound, k) => ({ ...sound, place: places[k] }));
    this.pins = new Map(this.sounds.map(({ name, place }) => [name, place]));
    const steps = Array.from({ length: N_CELLS + 1 }, (_, k) => k / N_CELLS);
    this.grid = steps.flatMap((x) => steps.map((y) => ({ place: [x, y], row: this.at([x, y]) })));
  }

  /** The latents of a place. */
  at(place) {
    return this.look(place).row;
  }

  /** The latents of a place, and how they change across and up. */
  look(place) {
    const sums = [0, 1, 2].map(() => new Float64Array(this.frames[0].row.length + 1)); // the last is the weights' own sum
    for (const frame of this.frames) {
      const x = frame.place[0] - place[0], y = frame.place[1] - place[1], far = x * x + y * y;
      if (far > FARTHEST ** 2) continue;
      const weight = Math.exp(-far / (2 * REACH ** 2));
      add(sums, frame.row, weight, (weight * x) / REACH ** 2, (weight * y) / REACH ** 2);
    }
    for (const sound of this.sounds) {
      const x = sound.place[0] - place[0], y = sound.place[1] - place[1], far = x * x + y * y + TINY;
      add(sums, sound.row, PIN_WEIGHT / far, (2 * PIN_WEIGHT * x) / far ** 2, (2 * PIN_WEIGHT * y) / far ** 2);
    }
    const [whole, across, up] = sums, n = whole.length - 1, row = Array.from(whole.subarray(0, n), (x) => x / whole[n]);
    const slope = (sum) => row.map((x, d) => (sum[d] - x * sum[n]) / whole[n]);
    return { row, across: slope(across), up: slope(up) };
  }

  /** The place of latents. */
  placeOf(row) {
    const same = this.sounds.find((sound) => sound.row.every((at, d) => Math.abs(at - row[d]) < SAME));
    if (same) return same.place;
    let best = { off: Infinity };
    for (const beginning of beginnings(row, this.grid)) {
      const end = this.descend(beginning, row);
      if (end.off < best.off) best = end;
      if (best.off < EXACT) return best.place;
    }
    return this.among(row, best);
  }

  /** The place of latents that have moved a little from those at the place `before`. */
  follow(row, before) {
    return this.among(row, this.descend(before, row));
  }

  /** The mean of the places of the frames and sounds most like these latents, and of the place with the nearest sound. */
  among(row, nearest) {
    const like = [...this.frames, ...this.sounds].map((each) => ({ place: each.place, off: square(each.row, row) }));
    const weighed = like.sort((a, b) => a.off - b.off).slice(0, N_LIKE).map(({ place, off }) => ({ place, weight: 1 / (off + TINY) }));
    weighed.push({ place: nearest.place, weight: NEAREST_WEIGHT / (nearest.off ** 2 + TINY ** 2) });
    const whole = weighed.reduce((sum, { weight }) => sum + weight, 0);
    return [0, 1].map((d) => weighed.reduce((sum, { place, weight }) => sum + (weight / whole) * place[d], 0));
  }

  /** Go from a place to where the sound is nearest to these latents, by the method of Levenberg and Marquardt. */
  descend(place, row) {
    let here = this.look(place), off = square(here.row, row), damping = 1e-3;
    for (let k = 0; k < N_STEPS && damping < 1e4 && off > TINY ** 2; k += 1) {
      const next = step(place, here, row, damping), there = this.look(next), gain = off - square(there.row, row);
      if (gain > 0) [place, here, off] = [next, there, off - gain];
      damping = gain > 0 ? Math.max(1e-7, damping / 5) : 8 * damping;
      if (gain > 0 && gain < LEAST_GAIN * off) break;
    }
    return { place, off };
  }
}

/** The map of an instrument without one of its own: a plane of two of its latents. pins: as of a Sheet. */
export class Plane {
  /** axes: the two latents' numbers; sounds: [{name, row}]. */
  constructor(axes, sounds) {
    this.axes = axes;
    this.pins = new Map(sounds.map(({ name, row }) => [name, this.placeOf(row)]));
  }

  /** The latents of a place; the others stay as in the row `present`. */
  at(place, present) {
    return present.map((x, k) => (this.axes.includes(k) ? place[this.axes.indexOf(k)] : x));
  }

  placeOf(row) {
    return this.axes.map((k) => row[k]);
  }

  follow(row) {
    return this.placeOf(row);
  }
}

/** The point of `points` that is nearest to their mean. */
export function middleOf(points) {
  const mean = points[0].map((_, d) => points.reduce((sum, point) => sum + point[d], 0) / points.length);
  return points.reduce((best, point) => (square(point, mean) < square(best, mean) ? point : best));
}

/** Where a sound's pin stands: the mean of its own frames' places, weighted by how near their latents are to the sound's. */
function pinAmong(frames, name, row) {
  const own = frames.filter((frame) => frame.name === name), among = own.length ? own : frames;
  const weights = among.map((frame) => 1 / (square(frame.row, row) + TINY) ** 2), whole = weights.reduce((sum, weight) => sum + weight, 0);
  return [0, 1].map((d) => among.reduce((sum, { place }, k) => sum + (weights[k] / whole) * place[d], 0));
}

/** Move places apart that are nearer to each other than APART. */
function movedApart(places) {
  const found = places.map((place) => [...place]);
  for (let round = 0; round < 50; round += 1) {
    found.forEach((a, j) => found.forEach((b, k) => {
      const far = Math.sqrt(square(a, b)), by = (APART - far) / 2;
      if (k <= j || by <= 0) return;
      const way = far > TINY ? [(b[0] - a[0]) / far, (b[1] - a[1]) / far] : [1, 0];
      for (const d of [0, 1]) [a[d], b[d]] = [within(a[d] - by * way[d]), within(b[d] + by * way[d])];
    }));
  }
  return found;
}

/** Add a row with its weight, and the weight's slopes across and up, to the three sums. */
function add([whole, across, up], row, weight, x, y) {
  const n = row.length;
  for (let d = 0; d < n; d += 1) {
    whole[d] += weight * row[d];
    across[d] += x * row[d];
    up[d] += y * row[d];
  }
  whole[n] += weight;
  across[n] += x;
  up[n] += y;
}

/** The places of a grid whose sounds are nearest to these latents, each in another part of the map. */
function beginnings(row, grid) {
  const offs = grid.map(({ row: there }) => square(there, row)), found = [];
  const isApart = ([x, y]) => found.every(([u, v]) => Math.max(Math.abs(x - u), Math.abs(y - v)) * N_CELLS > FARTHEST_CELLS);
  for (let n = 0; n < N_BEGINNINGS; n += 1) {
    let best = -1;
    offs.forEach((off, k) => (best < 0 || off < offs[best]) && isApart(grid[k].place) && (best = k));
    if (best >= 0) found.push(grid[best].place);
  }
  return found;
}

/** The next place on the way to the latents `row`, from what the map has `here`. */
function step(place, { row: there, across, up }, row, damping) {
  const error = row.map((at, d) => at - there[d]);
  const [a, b, c] = [dot(across, across), dot(across, up), dot(up, up)], [p, q] = [dot(across, error), dot(up, error)];
  const m = a + damping * (a + 1e-6), n = c + damping * (c + 1e-6), whole = m * n - b * b || TINY;
  const by = [(n * p - b * q) / whole, (m * q - b * p) / whole], share = Math.min(1, LONGEST_STEP / (Math.hypot(...by) || 1));
  return place.map((at, d) => within(at + share * by[d]));
}

function square(a, b) {
  let sum = 0;
  for (let d = 0; d < a.length; d += 1) sum += (a[d] - b[d]) ** 2;
  return sum;
}

function dot(a, b) {
  return a.reduce((sum, x, d) => sum + x * b[d], 0);
}

function within(x) {
  return Math.min(1, Math.max(0, x));
}
