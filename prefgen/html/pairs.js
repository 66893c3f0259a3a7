"use strict";
// The browser of pairs: a list at the left with search and filters, one pair at the right, keys, and marks.

const PAGE_OF = () => matchMedia("(max-width: 47.99rem)").matches ? 20 : 50;
const NO_FILTER = { q: "", category: "", reason: "", state: "", min_gap: "", max_gap: "", disagreement: false, mark: "", sort: "" };
const STATES = { kept: "Kept", dropped: "Dropped" };
const SORTS = { "": "As made", "-gap": "Widest score gap first", gap: "Narrowest score gap first", disagreement: "Judges disagree first" };
const MARKS = { agree: "Agree", disagree: "Disagree", edit: "Edited", any: "Any mark", none: "No mark" };

class Pairs {
  constructor(root, source) {
    this.root = root;
    this.source = source;
    this.filters = { ...NO_FILTER };
    this.facts = null;
    [this.offset, this.total, this.rows, this.at, this.row] = [0, 0, [], -1, null];
    [this.asked, this.differences] = [0, null];
  }

  async start() {
    this.facts = await this.source.facets();
    this.root.append(...this.frame());
    this.listen();
    this.keys.listen();
    await this.address.find();
    if (this.source.agreement) this.sayAgreement();
  }

  // --- what stands there always -------------------------------------------------------------

  frame() {
    this.count = make("p", { class: "count", role: "status" });
    this.list = make("ol", { class: "items" });
    this.pager = make("div", { class: "pager" });
    this.detail = make("article", { class: "detail", tabindex: "-1", "aria-label": "The pair" });
    this.alert = make("p", { class: "alert", role: "alert" });
    this.panes = make("div", { class: "panes" }, make("div", { class: "list", role: "region", "aria-label": "List of pairs" }, this.list, this.pager), this.detail);
    this.agreement = make("p", { class: "agreement", role: "status" });
    this.keys = new Keys(this);
    this.address = new Address(this);
    return [make("p", { class: "about" }, this.note()), this.agreement, this.tools(), this.alert, this.count, this.panes, this.keys.help];
  }

  /** How many of how many there are to look at. */
  note() {
    const { of, shown, cut_at: cut, rows } = this.source.about;
    if (!rows) return "All pairs of the run, as they are on disk. Marks are saved at once.";
    const n = shown ?? rows.length;
    const some = of > n ? `${count(n)} of ${plural(of, "pair")}, a seeded sample.` : `All ${plural(n, "pair")}.`;
    const longest = cut && rows.some((row) => Object.keys(row.cut ?? {}).length) ? ` Texts are cut after ${count(cut)} characters.` : "";
    return some + longest;
  }

  tools() {
    this.search = make("input", { type: "search", id: "pf-search", name: "q", placeholder: "Search prompts and responses", "aria-label": "Search prompts and responses", autocomplete: "off", spellcheck: "false" });
    const fold = make("details", { class: "filters", open: matchMedia("(min-width: 64rem)").matches }, make("summary", {}, "Filters"), make("div", { class: "fields" }, this.fields()));
    const keys = make("button", { type: "button", class: "quiet keys", onclick: () => this.keys.help.showModal() }, "Keys ", make("kbd", {}, "?"));
    return make("form", { class: "tools", role: "search", onsubmit: (event) => event.preventDefault() }, make("div", { class: "first" }, this.search, keys), fold);
  }

  fields() {
    const { gap, marks, disagreement } = this.facts;
    const [categories, reasons, states] = ["categories", "reasons", "states"].map((name) => Object.fromEntries(Object.entries(this.facts[name] ?? {}).filter(([, n]) => n > 0)));
    const range = (name, label, place) => this.field(name, label, make("input", { type: "number", step: "any", inputmode: "decimal", placeholder: score(gap[place]) }));
    const marked = this.source.canMark || marks > 0;
    this.clear = make("button", { type: "button", class: "quiet", onclick: () => this.reset() }, "Clear filters");
    return [
      Object.keys(categories).length > 1 && this.choice("category", "Category", categories),
      Object.keys(states).length > 1 && this.choice("state", "State", states, STATES),
      Object.keys(reasons).length > 0 && this.choice("reason", "Dropped by", reasons),
      gap && gap[0] < gap[1] && [range("min_gap", "Score gap from", 0), range("max_gap", "to", 1)],
      marked && this.choice("mark", "Mark", MARKS, MARKS),
      this.choice("sort", "Order", SORTS, SORTS),
      disagreement !== 0 && make("label", { class: "check" }, this.bound("disagreement", make("input", { type: "checkbox" })), " Judges disagree"),
      this.clear,
    ].flat();
  }

  choice(name, label, options, names = null) {
    const own = (key) => names?.[key] ?? visible(key);
    const counted = Object.values(options).every((n) => typeof n === "number");
    const every = Object.entries(options).map(([key, n]) => make("option", { value: key }, counted ? `${own(key)} (${count(n)})` : own(key)));
    const select = make("select", {}, "" in options ? null : make("option", { value: "" }, "All"), every);
    return this.field(name, label, select);
  }

  field(name, label, input) {
    input.id = `pf-${name}`;
    return make("div", { class: "field" }, make("label", { for: input.id }, label), this.bound(name, input));
  }

  bound(name, input) {
    input.name = name;
    input.addEventListener("change", () => this.filter(name, input.type === "checkbox" ? input.checked : input.value));
    return input;
  }

  // --- the list -----------------------------------------------------------------------------

  /** Where filters are said. */
  inputs() {
    return [this.search, ...this.root.querySelectorAll(".fields input, .fields select")];
  }

  filter(name, value) {
    this.filters[name] = value;
    return this.load(0, 0);
  }

  reset() {
    this.filters = { ...NO_FILTER };
    for (const input of this.inputs()) {
      if (input.type === "checkbox") input.checked = false;
      else input.value = "";
    }
    return this.load(0, 0);
  }

  /** Shows a page of the list, and the pair at a place of it. What was asked for before and comes later is not shown. */
  async load(offset, place) {
    const asked = this.asked += 1;
    this.list.setAttribute("aria-busy", "true");
    try {
      const { total, rows } = await this.source.page(this.filters, offset, PAGE_OF());
      if (asked !== this.asked) return;
      [this.offset, this.total, this.rows, this.at] = [offset, total, rows, -1];
      this.alert.textContent = "";
      this.showList();
      if (rows.length) await this.select(place < 0 ? rows.length - 1 : Math.min(place, rows.length - 1));
      else this.showNone();
    } catch (error) {
      if (asked === this.asked) this.alert.textContent = `Pairs could not be loaded: ${visible(error.message)}`;
    } finally {
      if (asked === this.asked) this.list.removeAttribute("aria-busy");
    }
  }

  showList() {
    this.list.start = this.offset + 1;
    this.list.replaceChildren(...this.rows.map((row, place) => make("li", {}, this.item(row, place))));
    this.list.parentElement.scrollTop = 0;
    const filtered = JSON.stringify({ ...this.filters, sort: "" }) !== JSON.stringify(NO_FILTER);
    this.clear.hidden = !filtered;
    this.count.textContent = filtered ? `${plural(this.total, "pair fits", "pairs fit")}` : plural(this.total, "pair");
    this.showPager();
  }

  item(row, place) {
    const asked = row.prompt.findLast?.((turn) => turn.role === "user") ?? row.prompt.at(-1);
    const meta = [row.category && visible(row.category), isNumber(row.gap) && `gap ${score(row.gap)}`, row.state === "dropped" && "dropped", row.disagreement && "judges disagree"];
    const mark = make("span", { class: "own" }, row.mark ? MARKS[row.mark.mark] ?? "" : "");
    return make("button", { type: "button", class: "item", onclick: () => this.select(place, true) },
      make("span", { class: "ask", dir: "auto" }, visible(part(String(asked?.content ?? ""), 0, 200).replace(/\s+/g, " "))),
      make("span", { class: "meta", dir: "auto" }, make("span", {}, meta.filter(Boolean).join(" \u00b7 ")), mark));
  }

  showPager() {
    const size = PAGE_OF();
    const last = this.offset + this.rows.length;
    const go = (offset, label, off) => make("button", { type: "button", class: "quiet", disabled: off, onclick: () => this.load(offset, 0) }, label);
    const pages = this.total > size || this.offset > 0;
    this.pager.replaceChildren(...(pages ? [go(Math.max(this.offset - size, 0), "Previous", this.offset === 0),
      make("span", {}, `${count(this.offset + 1)}\u2013${count(last)} of ${count(this.total)}`), go(last, "Next", last >= this.total)] : []));
  }

  showNone() {
    this.row = null;
    this.address.write();
    const all = !this.clear.hidden;
    this.detail.replaceChildren(make("p", { class: "none" }, all ? "No pair fits these filters." : `There are no pairs. ${this.source.about.ending ?? ""}`.trim()));
    if (all) this.detail.append(make("button", { type: "button", onclick: () => this.reset() }, "Clear filters"));
  }

  // --- the pair -----------------------------------------------------------------------------

  async select(place, opened = false) {
    const items = this.list.querySelectorAll(".item");
    items[this.at]?.removeAttribute("aria-current");
    this.at = place;
    items[place].setAttribute("aria-current", "true");
    this.keepInView(items[place]);
    this.show(this.rows[place], null);
    if (opened) this.read();
    await this.complete(this.rows[place]);
  }

  /** The whole of a pair, and what is behind it, where the list has a part of it. */
  async complete(row) {
    if (!this.source.canMark) return;
    try {
      const before = row.mark;
      const told = await this.source.row(row.id);
      if (this.row !== row) return;
      const wasCut = Object.keys(row.cut ?? {}).length > 0;
      Object.assign(row, told.row, row.mark === before ? {} : { mark: row.mark });
      if (wasCut) this.showBody(row, told.lineage);
      else this.body.append(...[lineageOf(told.lineage)].filter(Boolean));
    } catch (error) {
      if (this.row === row) this.alert.textContent = `This pair could not be loaded whole: ${visible(error.message)}`;
    }
  }

  /** The pair that the address names: at its place in the list, where that is known. */
  async open(id) {
    const place = this.source.place(id, this.filters);
    if (place >= 0) return this.load(place - place % PAGE_OF(), place % PAGE_OF());
    const here = this.rows.findIndex((row) => row.id === id);
    if (here >= 0) return this.select(here);
    const told = await this.source.row(id).catch(() => null);
    if (!told?.row) return undefined;
    this.list.querySelectorAll(".item")[this.at]?.removeAttribute("aria-current");
    this.at = -1;
    return this.show(told.row, told.lineage);
  }

  show(row, lineage) {
    this.row = row;
    this.bar = new Marks(this, row);
    this.body = make("div");
    this.detail.replaceChildren(this.barOf(), this.body);
    this.showBody(row, lineage);
    this.address.write();
  }

  showBody(row, lineage) {
    const sides = sidesOf(row, this.differences, (on) => { this.differences = on; });
    this.body.replaceChildren(...[headOf(row), promptOf(row), ...sides, judgmentsOf(row), lineageOf(lineage)].filter(Boolean));
  }

  barOf() {
    const place = this.offset + this.at;
    const step = (by, label, off) => make("button", { type: "button", class: "quiet", disabled: off, onclick: () => this.step(by) }, label);
    const where = this.at < 0 ? "The pair of this address" : `Pair ${count(place + 1)} of ${count(this.total)}`;
    return make("div", { class: "bar" }, make("button", { type: "button", class: "back", onclick: () => this.toList() }, "List"),
      make("span", { class: "where" }, where), step(-1, "Previous", this.at < 0 || place <= 0), step(1, "Next", place >= this.total - 1), this.source.canMark && this.bar.parts());
  }

  async step(by) {
    const place = this.at + by;
    if (place >= 0 && place < this.rows.length) await this.select(place);
    else if (by > 0 && this.offset + place < this.total) await this.load(this.offset + this.rows.length, 0);
    else if (by < 0 && this.offset > 0) await this.load(Math.max(this.offset - PAGE_OF(), 0), -1);
    else return;
    if (this.detail.getBoundingClientRect().top < 0) this.panes.scrollIntoView({ behavior: "instant" });
  }

  /** On a phone the pair takes the place of the list. */
  read() {
    const isPhone = matchMedia("(max-width: 47.99rem)").matches;
    if (isPhone && !this.address.isPair) {
      this.address.write();
      this.address.write(true);
    }
    this.panes.dataset.shows = "pair";
    if (isPhone) {
      this.panes.scrollIntoView({ behavior: "instant" });
      this.detail.focus({ preventScroll: true });
    }
  }

  toList() {
    this.showPanes();
    if (this.address.isPair) history.back();
  }

  showPanes() {
    delete this.panes.dataset.shows;
    this.list.querySelectorAll(".item")[this.at]?.focus();
  }

  keepInView(item) {
    const box = this.list.parentElement;
    const [top, bottom] = [item.offsetTop, item.offsetTop + item.offsetHeight];
    if (top < box.scrollTop) box.scrollTop = top - 8;
    else if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight + 8;
  }

  listen() {
    let soon = 0;
    this.search.addEventListener("input", () => {
      clearTimeout(soon);
      soon = setTimeout(() => this.filter("q", this.search.value), 150);
    });
  }

  async sayAgreement() {
    const told = await this.source.agreement().catch(() => null);
    this.agreement.textContent = told ? agreementOf(told) : "";
  }
}

addEventListener("DOMContentLoaded", () => {
  const told = document.querySelector("script#rows");
  if (!told) return;
  const data = JSON.parse(told.textContent);
  const root = document.getElementById("browse");
  const pairs = new Pairs(root, data.served ? new Served(data) : new Embedded(data));
  pairs.start().catch((error) => root.append(make("p", { class: "alert", role: "alert" }, `Pairs could not be loaded: ${visible(error.message)}`)));
});
