"use strict";
// Where pairs come from: from the page itself, or from the server that the page is from. Both answer the same questions.

/** What a reason of being dropped is called: "agreed: verdict differs from gold". */
function why(row) {
  if (row.state === "kept") return "";
  return row.reason === null || row.reason === undefined ? String(row.step ?? "") : `${row.step}: ${row.reason}`;
}

function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

/** Pairs that stand in the page. */
class Embedded {
  canMark = false;

  constructor(data) {
    this.rows = data.rows ?? [];
    this.about = data;
    this.texts = new Map();
    this.last = { key: null, rows: this.rows };
  }

  async facets() {
    const count = (values) => {
      const found = new Map();
      for (const value of values) if (value) found.set(value, (found.get(value) ?? 0) + 1);
      return Object.fromEntries([...found].sort(([a], [b]) => a.localeCompare(b)));
    };
    const gaps = this.rows.map((row) => row.gap).filter(isNumber);
    return {
      categories: count(this.rows.map((row) => row.category)),
      reasons: count(this.rows.map(why)),
      states: count(this.rows.map((row) => row.state)),
      disagreement: this.rows.filter((row) => row.disagreement).length,
      marks: this.rows.filter((row) => row.mark).length,
      gap: gaps.length ? [gaps.reduce((a, b) => Math.min(a, b)), gaps.reduce((a, b) => Math.max(a, b))] : null,
    };
  }

  async page(filters, offset, limit) {
    const found = this.found(filters);
    return { total: found.length, rows: found.slice(offset, offset + limit) };
  }

  /** Where a pair stands among those that fit, or -1. */
  place(id, filters) { return this.found(filters).findIndex((row) => row.id === id); }

  async row(id) {
    return { row: this.rows.find((one) => one.id === id), lineage: [] };
  }

  found(filters) {
    const key = JSON.stringify(filters);
    if (this.last.key !== key) this.last = { key, rows: sorted(this.rows.filter((row) => this.fits(row, filters)), filters.sort) };
    return this.last.rows;
  }

  fits(row, { q, category, reason, state, min_gap: low, max_gap: high, disagreement, mark }) {
    if (category && row.category !== category) return false;
    if (state && row.state !== state) return false;
    if (reason && why(row) !== reason) return false;
    if (low !== "" && !(isNumber(row.gap) && row.gap >= Number(low))) return false;
    if (high !== "" && !(isNumber(row.gap) && row.gap <= Number(high))) return false;
    if (disagreement && !row.disagreement) return false;
    if (mark && !(mark === "any" ? row.mark : mark === "none" ? !row.mark : row.mark?.mark === mark)) return false;
    return !q || row.id.startsWith(q) || this.text(row).includes(q.toLowerCase());
  }

  text(row) {
    if (!this.texts.has(row)) {
      const turns = row.prompt.map((turn) => turn.content);
      this.texts.set(row, [...turns, row.chosen, row.rejected].join("\n").toLowerCase());
    }
    return this.texts.get(row);
  }
}

/** Those without a gap come last either way. */
function sorted(rows, by) {
  if (by === "disagreement") return [...rows].sort((a, b) => Number(b.disagreement) - Number(a.disagreement));
  if (by !== "gap" && by !== "-gap") return rows;
  const way = by === "gap" ? 1 : -1;
  return [...rows].sort((a, b) => {
    if (!isNumber(a.gap) || !isNumber(b.gap)) return Number(!isNumber(a.gap)) - Number(!isNumber(b.gap));
    return way * (a.gap - b.gap);
  });
}

/** Pairs that the server has. */
class Served {
  canMark = true;

  constructor(data) {
    this.about = data;
  }

  facets() { return this.ask("api/facets"); }

  /** A page of pairs; one that was asked for before and is not there yet is given up. */
  page(filters, offset, limit) {
    const asked = new URLSearchParams({ offset, limit });
    for (const [name, value] of Object.entries(filters)) if (value !== "" && value !== false) asked.set(name, value);
    this.waiting?.abort();
    this.waiting = new AbortController();
    return this.ask(`api/rows?${asked}`, { signal: this.waiting.signal });
  }

  place() { return -1; }

  row(id) { return this.ask(`api/rows/${encodeURIComponent(id)}`); }

  agreement() { return this.ask("api/agreement"); }

  mark(id, mark) {
    const path = `api/marks/${encodeURIComponent(id)}`;
    const headers = { "x-prefgen-token": this.about.token ?? "", "content-type": "application/json" };
    if (!mark) return this.ask(path, { method: "DELETE", headers });
    return this.ask(path, { method: "PUT", headers, body: JSON.stringify(mark) });
  }

  /** What the server answers, as JSON. Raises an Error that says in words what went wrong. */
  async ask(path, more = {}) {
    let reply;
    try {
      reply = await fetch(new URL(path, document.baseURI), more);
    } catch {
      throw new Error("the server does not answer; is prefgen view still running?");
    }
    const said = await reply.json().catch(() => null);
    if (!reply.ok) throw new Error(said?.error ?? said?.detail ?? `the server says ${reply.status}`);
    return said;
  }
}
