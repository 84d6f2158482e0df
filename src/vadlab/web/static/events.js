// From frame scores to events: the rule of vadlab/evaluation/events.py, number for number.

/** Python's round(): halves go to the even neighbour. */
export function roundHalfEven(value) {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** The alarm in frames: { on, off, minLength, mergeGap } of { on, off, min_length_s, merge_gap_s }. */
export function inFrames({ on, off, min_length_s, merge_gap_s }, fps) {
  return {
    on, off,
    minLength: Math.max(1, roundHalfEven(min_length_s * fps)),
    mergeGap: roundHalfEven(merge_gap_s * fps),
  };
}

/**
 * The events of one video by two thresholds.
 *
 * An event is a run of frames with score >= off that reaches `on` somewhere. Events with fewer than `mergeGap`
 * frames between them become one; what is then shorter than `minLength` is dropped.
 *
 * scores: Float32Array. categories: { names, spans: [[start, stop]], probabilities: [[...]] } or null.
 * Returns [{ start, stop, peak, score, category, probability }], sorted.
 */
export function findEvents(scores, { on, off, minLength, mergeGap }, categories = null) {
  // Scores are float32, so thresholds are compared as float32 too.
  const enter = Math.fround(on);
  const leave = Math.fround(off);
  const merged = [];
  for (const [start, stop] of runs(scores, enter, leave)) {
    const last = merged.at(-1);
    if (last && start - last[1] < mergeGap) last[1] = stop;
    else merged.push([start, stop]);
  }
  return merged.filter(([start, stop]) => stop - start >= minLength).map(([start, stop]) => {
    let peak = start;
    for (let frame = start + 1; frame < stop; frame += 1) if (scores[frame] > scores[peak]) peak = frame;
    return { start, stop, peak, score: scores[peak], ...likeliest(categories, start, stop) };
  });
}

function* runs(scores, enter, leave) {
  let start = -1;
  let reached = false;
  for (let frame = 0; frame <= scores.length; frame += 1) {
    if (frame < scores.length && scores[frame] >= leave) {
      if (start < 0) { start = frame; reached = false; }
      reached ||= scores[frame] >= enter;
    } else if (start >= 0) {
      if (reached) yield [start, frame];
      start = -1;
    }
  }
}

function likeliest(categories, start, stop) {
  const mean = meanOver(categories, start, stop);
  if (!mean) return { category: null, probability: null };
  const best = mean.indexOf(Math.max(...mean));
  return { category: categories.names[best], probability: mean[best] };
}

/** Mean probability of each category over the windows that share a frame with [start, stop); null where none does. */
export function meanOver(categories, start, stop) {
  if (!categories) return null;
  const touching = categories.probabilities.filter((_, i) => categories.spans[i][0] < stop && categories.spans[i][1] > start);
  if (!touching.length) return null;
  return categories.names.map((_, c) => touching.reduce((sum, row) => sum + row[c], 0) / touching.length);
}
