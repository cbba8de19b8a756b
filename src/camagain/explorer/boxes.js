"use strict";
// From a stored score map to pixels, boxes and IoU: what src/camagain/evaluation does, operation by operation.
// A test compares the boxes with the library's. Sizes: a map is (height, width), everything else (size, size).

const Boxes = (() => {
  const HALVES = 2 ** 27 + 1; // cuts a double into two numbers whose products are exact (Veltkamp)

  // a b + c, rounded once: the rounding errors of product and sum are computed and added (Dekker, Knuth).
  function fused(a, b, c) {
    const product = a * b;
    let part = HALVES * a;
    const a1 = part - (part - a), a2 = a - a1;
    part = HALVES * b;
    const b1 = part - (part - b), b2 = b - b1;
    const lost = a1 * b1 - product + a1 * b2 + a2 * b1 + a2 * b2;
    const sum = product + c, back = sum - product;
    return sum + (product - (sum - back) + (c - back) + lost);
  }

  // Every row resized, then transposed: (rows, columns) -> (target, rows). `how`: resizing.py says what it holds.
  // Float32Array stays so, and then every operation is rounded to single precision.
  function resizeRows(values, rows, how) {
    const single = values instanceof Float32Array, round = single ? Math.fround : (value) => value;
    const { index, weight, target } = how, columns = values.length / rows, many = index.length / target;
    const out = single ? new Float32Array(rows * target) : new Float64Array(rows * target);
    for (let t = 0; t < target; t++) {
      const i = index[many * t], j = index[many * t + 1], w = weight[many * t + 1];
      for (let row = 0; row < rows; row++) {
        const start = row * columns, a = values[start + i];
        let total;
        if (how.fused && single) {
          total = Math.fround(values[start + j] - a) * w + a; // a double holds the product
        } else if (how.fused) {
          total = fused(values[start + j] - a, w, a);
        } else {
          total = round(a * weight[many * t]);
          for (let k = 1; k < many; k++)
            total = round(total + round(values[start + index[many * t + k]] * weight[many * t + k]));
        }
        out[t * rows + row] = total;
      }
    }
    return out;
  }

  const resize = (values, height, alongX, alongY) =>
    resizeRows(resizeRows(values, height, alongX), alongX.target, alongY);

  // Shifted and divided so that the values span [0, 1]; a constant map becomes zeros. Float64Array, in place.
  function normalise(values) {
    let low = Infinity, high = -Infinity;
    for (const value of values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    const peak = high - low || 1;
    for (let k = 0; k < values.length; k++) values[k] = (values[k] - low) / peak;
    return values;
  }

  // The map as the evaluation thresholds it: Uint8Array (size, size). `ways`: how each axis is resized.
  function pixels(map, height, width, published, ways) {
    let scores;
    if (published) {
      const saved = resize(map, height, ways[`script ${width}`], ways[`script ${height}`]);
      scores = new Float64Array(saved.length);
      for (let k = 0; k < saved.length; k++) scores[k] = Math.fround(255 * saved[k]) & 255; // & cuts to a whole number
      normalise(scores);
      const again = ways["from script"];
      if (again.target !== ways[`script ${width}`].target)
        scores = normalise(resize(scores, Math.sqrt(scores.length), again, again));
    } else {
      scores = normalise(resize(new Float64Array(map), height, ways[width], ways[height]));
    }
    const found = new Uint8Array(scores.length);
    for (let k = 0; k < found.length; k++) found[k] = 255 * scores[k]; // cut to a whole number
    return found;
  }

  // Pixels above a level, with a rim of empty ones: a neighbour is then a step in memory. Clockwise from the right.
  const steps = (side) => [1, side + 1, side, side - 1, -1, -side - 1, -side, -side + 1];

  // The outer contour of the region whose first pixel, row by row, is `start`: places of pixels, one after another.
  function outline(kept, side, start) {
    const around = steps(side), places = [];
    let place = start, from = 0, first = -1;
    for (;;) {
      let move = from, tried = 0;
      while (tried < 8 && !kept[place + around[move]]) {
        move = (move + 1) % 8;
        tried++;
      }
      if (tried === 8) return [place]; // a single pixel
      if (place === start) {
        if (move === first) return places;
        if (first < 0) first = move;
      }
      places.push(place);
      place += around[move];
      from = (move + (move % 2 ? 5 : 6)) % 8; // behind the pixel that was found empty last
    }
  }

  function doubledArea(places, side) {
    let sum = 0, x = places[places.length - 1] % side, y = Math.floor(places[places.length - 1] / side);
    for (const place of places) {
      const u = place % side, v = (place - u) / side;
      sum += x * v - u * y;
      x = u;
      y = v;
    }
    return Math.abs(sum);
  }

  // The box of the contour of largest area around pixels above a level, and the places of that contour; of equals the
  // one whose first pixel, row by row, comes last. What lies in a hole of a region is never the largest.
  let kept = new Uint8Array(0), waiting = new Int32Array(0); // used again: a curve asks 255 times
  function largest(map, size, level) {
    const side = size + 2, around = steps(side);
    if (kept.length !== side * side) [kept, waiting] = [new Uint8Array(side * side), new Int32Array(side * side)];
    kept.fill(0);
    for (let y = 0, k = 0; y < size; y++)
      for (let x = 0, at = (y + 1) * side + 1; x < size; x++, k++, at++) if (map[k] > level) kept[at] = 1;
    let best = { area: -1, places: [] };
    for (let start = side; start < kept.length - side; start++) {
      if (kept[start] !== 1) continue;
      const places = outline(kept, side, start), area = doubledArea(places, side);
      if (area >= best.area) best = { area, places };
      let count = 1;
      waiting[0] = start;
      kept[start] = 2; // seen
      while (count) {
        const at = waiting[--count];
        for (let d = 0; d < 8; d++) {
          const next = at + around[d];
          if (kept[next] === 1) {
            kept[next] = 2;
            waiting[count++] = next;
          }
        }
      }
    }
    if (!best.places.length) return { box: [0, 0, 0, 0], places: [] };
    let x0 = size, y0 = size, x1 = 0, y1 = 0;
    for (const place of best.places) {
      const x = place % side - 1, y = Math.floor(place / side) - 1;
      if (x < x0) x0 = x;
      if (x > x1) x1 = x;
      if (y < y0) y0 = y;
      if (y > y1) y1 = y;
    }
    return { box: [x0, y0, Math.min(x1 + 1, size - 1), Math.min(y1 + 1, size - 1)], places: best.places };
  }

  // The best IoU of a box with one of the true boxes; corners belong to a box.
  function iou(box, truths) {
    let best = 0;
    for (const [x0, y0, x1, y1] of truths) {
      const width = Math.min(box[2], x1) - Math.max(box[0], x0) + 1;
      const height = Math.min(box[3], y1) - Math.max(box[1], y0) + 1;
      const shared = Math.max(0, width) * Math.max(0, height);
      const own = (box[2] - box[0] + 1) * (box[3] - box[1] + 1);
      best = Math.max(best, shared / (own + (x1 - x0 + 1) * (y1 - y0 + 1) - shared));
    }
    return best;
  }

  // A map that is asked for boxes at several thresholds; each level is searched once.
  class ScoreMap {
    constructor(map, size) {
      this.pixels = map;
      this.size = size;
      this.highest = map.reduce((high, value) => (value > high ? value : high), 0);
      this.found = new Map();
    }

    level(tau) {
      return Math.trunc(tau * this.highest);
    }

    at(tau) {
      const level = this.level(tau);
      if (!this.found.has(level)) this.found.set(level, largest(this.pixels, this.size, level));
      return this.found.get(level);
    }

    // The contour behind the box, as the middles of its pixels: x, y, x, y ...
    contour(tau) {
      const side = this.size + 2;
      return this.at(tau).places.flatMap((place) => [place % side - 0.5, Math.floor(place / side) - 0.5]);
    }
  }

  return { ScoreMap, pixels, iou };
})();
