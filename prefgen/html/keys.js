"use strict";
// Single keys: to go from pair to pair, to search, to mark. They can be turned off, and never come between a person and
// what is typed.

const KEYS = [["j  \u2193  \u2192", "next pair"], ["k  \u2191  \u2190", "previous pair"], ["/", "search"], ["?", "these keys"], ["Esc", "back to the list"]];
const MARK_KEYS = [["a", "agree: the chosen one is better"], ["d", "disagree: the rejected one is better"], ["e", "edit: write a better response"], ["u", "take the mark back"]];

class Keys {
  constructor(pairs) {
    this.pairs = pairs;
    this.single = memory.get("keys") !== "off";
    this.help = this.helpOf();
  }

  helpOf() {
    const rows = [...KEYS, ...(this.pairs.source.canMark ? MARK_KEYS : [])].map(([key, what]) => make("tr", {}, make("td", {}, make("kbd", {}, key)), make("td", {}, what)));
    const single = make("input", { type: "checkbox", checked: this.single });
    single.addEventListener("change", () => { this.single = single.checked; memory.set("keys", single.checked ? "on" : "off"); });
    return make("dialog", { class: "help", "aria-label": "Keys" }, make("h3", {}, "Keys"), make("table", {}, make("tbody", {}, rows)),
      make("label", { class: "check" }, single, " Single keys do this"), make("form", { method: "dialog" }, make("button", {}, "Close")));
  }

  /** In a report, only what is pressed among the pairs is theirs. */
  listen() {
    const whole = document.documentElement.classList.contains("view");
    (whole ? document : this.pairs.root).addEventListener("keydown", (event) => this.pressed(event));
  }

  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || this.help.open) return;
    const typing = event.target.closest?.("input:not([type=checkbox]), select, textarea");
    if (typing) {
      if (event.key === "Escape" && typing === this.pairs.search) this.pairs.toList();
      return;
    }
    const does = this.does(event.key, event.target);
    if (!does) return;
    event.preventDefault();
    does();
  }

  /** What a key does. Arrows move where the list has them; elsewhere they scroll. */
  does(key, target) {
    const { list, search, bar, row, source } = this.pairs;
    const inList = list.contains(target) || target === document.body;
    const go = (by) => () => this.go(by, inList);
    const arrows = { ArrowDown: go(1), ArrowRight: go(1), ArrowUp: go(-1), ArrowLeft: go(-1) };
    if (inList && arrows[key]) return arrows[key];
    if (key === "Escape") return () => this.pairs.toList();
    if (!this.single) return null;
    const keys = { j: go(1), k: go(-1), "/": () => search.focus(), "?": () => this.help.showModal() };
    return keys[key] ?? (source.canMark && row ? bar.keys()[key] : null);
  }

  async go(by, inList) {
    await this.pairs.step(by);
    if (inList) this.pairs.list.querySelectorAll(".item")[this.pairs.at]?.focus({ preventScroll: true });
  }
}
