"use strict";
// Which words two texts have in common: Myers (1986) as far as they differ in few, else a count of each word.

/** Differences after which a comparison word by word costs more than a person would wait. */
const MOST_DIFFERENCES = 2000;
/** Words of both texts together after which they are only counted. */
const MOST_WORDS = 60000;
/** A number, a letter of a script that has no spaces, a word, or a sign. */
const WORD = /\p{N}+(?:[.,]\p{N}+)+|[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}]|(?:(?![\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}])[\p{L}\p{N}\p{M}_])+(?:['\u2019]\p{L}+)?|[^\s\p{L}\p{N}\p{M}_]/gu;

const Diff = (() => {
  /** The words of a text, with where each begins and ends. */
  function words(text) {
    return Array.from(text.matchAll(WORD), (found) => ({ word: found[0], start: found.index, end: found.index + found[0].length }));
  }

  /** Both lists as numbers, the same for the same word. */
  function numbered(...lists) {
    const known = new Map();
    const number = (word) => known.get(word) ?? (known.set(word, known.size), known.size - 1);
    return lists.map((list) => Int32Array.from(list, number));
  }

  /** Pairs of places with the same number, as many as there can be; null where the lists differ in more than `most`. */
  function common(a, b, most = MOST_DIFFERENCES) {
    let before = 0;
    while (before < a.length && before < b.length && a[before] === b[before]) before += 1;
    let after = 0;
    while (after < a.length - before && after < b.length - before && a.at(-1 - after) === b.at(-1 - after)) after += 1;
    const inner = myers(a.subarray(before, a.length - after), b.subarray(before, b.length - after), most);
    if (!inner) return null;
    const first = Array.from({ length: before }, (_, place) => [place, place]);
    const last = Array.from({ length: after }, (_, place) => [a.length - after + place, b.length - after + place]);
    return [...first, ...inner.map(([x, y]) => [x + before, y + before]), ...last];
  }

  function myers(a, b, most) {
    const far = Math.min(a.length + b.length, most);
    const reach = new Int32Array(2 * far + 3);
    const zero = far + 1;
    const steps = [];
    for (let d = 0; d <= far; d += 1) {
      steps.push(reach.slice(zero - d - 1, zero + d + 2));
      for (let k = -d; k <= d; k += 2) {
        const down = k === -d || (k !== d && reach[zero + k - 1] < reach[zero + k + 1]);
        let x = down ? reach[zero + k + 1] : reach[zero + k - 1] + 1;
        while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
        reach[zero + k] = x;
        if (x >= a.length && x - k >= b.length) return traced(steps, a.length, b.length);
      }
    }
    return null;
  }

  /** The way back through the furthest places of each step. */
  function traced(steps, endA, endB) {
    const pairs = [];
    let [x, y] = [endA, endB];
    for (let d = steps.length - 1; d >= 0; d -= 1) {
      const at = (k) => steps[d][k + d + 1];
      const k = x - y;
      const down = k === -d || (k !== d && at(k - 1) < at(k + 1));
      const from = d === 0 ? 0 : down ? at(k + 1) : at(k - 1);
      const fromY = d === 0 ? 0 : from - (down ? k + 1 : k - 1);
      const [startX, startY] = d === 0 ? [0, 0] : down ? [from, fromY + 1] : [from + 1, fromY];
      while (x > startX && y > startY) pairs.push([x -= 1, y -= 1]);
      [x, y] = [from, fromY];
    }
    return pairs.reverse();
  }

  /** What remains of the pairs without lone signs and short words amid changes, which would only flicker. */
  function calm(pairs, a, b) {
    const runs = [];
    for (const pair of pairs) {
      const last = runs.at(-1)?.at(-1);
      if (last && pair[0] === last[0] + 1 && pair[1] === last[1] + 1) runs.at(-1).push(pair);
      else runs.push([pair]);
    }
    const isAmid = (run) => run[0].some((place) => place > 0) && (run.at(-1)[0] < a.length - 1 || run.at(-1)[1] < b.length - 1);
    const letters = (run) => run.reduce((sum, [place]) => sum + a[place].word.length, 0);
    return runs.filter((run) => letters(run) > 3 || !isAmid(run)).flat();
  }

  /** Which words the other text has too, by how often it has them: for texts that differ in much. */
  function counted(a, b) {
    const left = new Map();
    for (const one of b) left.set(one, (left.get(one) ?? 0) + 1);
    return Array.from(a, (one) => {
      const n = left.get(one) ?? 0;
      if (n) left.set(one, n - 1);
      return n > 0;
    });
  }

  /** The text in pieces, in order: `marked` where the other text has no such words. */
  function pieces(text, list, shared) {
    const found = [];
    let at = 0;
    for (let place = 0; place < list.length; place += 1) {
      if (shared[place]) continue;
      const { start } = list[place];
      while (place + 1 < list.length && !shared[place + 1]) place += 1;
      if (start > at) found.push({ text: text.slice(at, start), marked: false });
      found.push({ text: text.slice(start, list[place].end), marked: true });
      at = list[place].end;
    }
    if (at < text.length) found.push({ text: text.slice(at), marked: false });
    return found;
  }

  function flags(length, places) {
    const found = new Array(length).fill(false);
    for (const place of places) found[place] = true;
    return found;
  }

  /** Two texts in pieces, and which share of their words they have in common, from 0 to 1. */
  function compare(left, right) {
    const [a, b] = [words(left), words(right)];
    const [m, n] = numbered(a.map((one) => one.word), b.map((one) => one.word));
    const pairs = a.length + b.length <= MOST_WORDS ? common(m, n) : null;
    const calmed = pairs && calm(pairs, a, b);
    const sides = calmed
      ? [flags(a.length, calmed.map(([x]) => x)), flags(b.length, calmed.map(([, y]) => y))]
      : [counted(m, n), counted(n, m)];
    const shared = sides.flat().filter(Boolean).length;
    const whole = a.length + b.length;
    return { left: pieces(left, a, sides[0]), right: pieces(right, b, sides[1]), share: whole ? shared / whole : 1, exact: Boolean(pairs) };
  }

  return { words, numbered, common, compare };
})();
