"use strict";
// What is looked at, in the page's address: filters and the pair. A reload finds them again; on a phone, Back leads from
// a pair to the list.

class Address {
  constructor(pairs) {
    [this.pairs, this.isKept] = [pairs, false];
    addEventListener("popstate", () => this.went());
  }

  /** Shows what the address names. It is not written before that is there. */
  async find() {
    this.isKept = false;
    const named = this.read();
    await this.pairs.load(0, 0);
    if (named) await this.pairs.open(named);
    if (named && this.isPair) this.pairs.panes.dataset.shows = "pair";
    this.isKept = true;
  }

  /** The pair that the address names; its filters are put into their fields, where those have them. */
  read() {
    const said = new URLSearchParams(location.hash.slice(1));
    for (const input of this.pairs.inputs()) {
      const isCheck = input.type === "checkbox";
      if (isCheck) input.checked = said.get(input.name) === "true";
      else input.value = said.get(input.name) ?? "";
      this.pairs.filters[input.name] = isCheck ? input.checked : input.value;
    }
    return said.get("pair");
  }

  /** Says what is looked at now; as a step of its own where Back is to lead away from it. */
  write(isStep = false) {
    if (!this.isKept) return;
    const { filters, row } = this.pairs;
    const said = new URLSearchParams(Object.entries(filters).filter(([, value]) => value !== "" && value !== false));
    if (row) said.set("pair", row.id);
    const path = said.size ? `#${said}` : location.pathname + location.search;
    if (isStep) history.pushState({ pair: true }, "", path);
    else history.replaceState(history.state ?? { pair: false }, "", path);
  }

  /** Whether this step of the history is a pair that was opened over the list. */
  get isPair() { return history.state?.pair === true; }

  /** A step of ours shows list or pair as they are now; an address that somebody wrote shows what it names. Links
   *  within a report are steps too, and neither.
   */
  went() {
    if (!history.state) return location.hash.includes("=") ? this.find() : undefined;
    if (this.isPair) this.pairs.panes.dataset.shows = "pair";
    else this.pairs.showPanes();
    return this.write();
  }
}
