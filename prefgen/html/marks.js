"use strict";
// What a person says of a pair. A mark is saved at once, and it is said when it is, and when it is not.

const SAID = { agree: "agree", disagree: "disagree", edit: "edit" };

class Marks {
  constructor(pairs, row) {
    [this.pairs, this.row] = [pairs, row];
  }

  parts() {
    this.status = make("span", { class: "saved", role: "status" });
    const button = (mark, label, key) => make("button", { type: "button", "data-mark": mark, "aria-keyshortcuts": key, onclick: () => this.keys()[key]() }, label, " ", make("kbd", { "aria-hidden": "true" }, key));
    this.buttons = [button("agree", "Agree", "a"), button("disagree", "Disagree", "d"), button("edit", "Edit", "e")];
    this.takeBack = make("button", { type: "button", class: "quiet", "aria-keyshortcuts": "u", onclick: () => this.save(null) }, "Take back");
    const next = make("input", { type: "checkbox", checked: memory.get("next") === "on" });
    next.addEventListener("change", () => memory.set("next", next.checked ? "on" : "off"));
    this.goesOn = () => next.checked;
    const then = make("label", { class: "check" }, next, " then the next");
    this.box = make("div", { class: "marks", role: "group", "aria-label": "Your mark" }, this.buttons, this.takeBack, then, this.status);
    this.draw();
    if (this.row.mark) this.say(`Marked: ${SAID[this.row.mark.mark]}`, "good");
    return this.box;
  }

  draw() {
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(this.row.mark?.mark === button.dataset.mark));
    this.takeBack.hidden = !this.row.mark;
  }

  keys() {
    return { a: () => this.save({ mark: "agree", text: "" }), d: () => this.save({ mark: "disagree", text: "" }), e: () => this.edit(), u: () => this.row.mark && this.save(null) };
  }

  say(text, tone = "") {
    this.status.textContent = text;
    this.status.className = `saved ${tone}`;
  }

  async save(mark) {
    this.say("Saving\u2026");
    try {
      const told = await this.pairs.source.mark(this.row.id, mark);
      this.row.mark = mark && (typeof told?.mark === "object" ? told.mark : mark);
      this.say(mark ? `Saved: ${SAID[mark.mark]}` : "Taken back", "good");
      this.close();
      this.draw();
      this.inList();
      this.pairs.sayAgreement();
      if (mark && this.goesOn()) await this.goOn(mark);
    } catch (error) {
      this.say(`Not saved: ${visible(error.message)}`, "bad");
    }
  }

  /** Shows the next pair, which then says that this one is saved. */
  async goOn(mark) {
    const place = this.pairs.offset + this.pairs.at + 1;
    await this.pairs.step(1);
    if (this.pairs.row !== this.row && !this.pairs.row.mark) this.pairs.bar.say(`Saved: ${SAID[mark.mark]}, pair ${count(place)}`, "good");
  }

  inList() {
    const place = this.pairs.rows.indexOf(this.row);
    const own = this.pairs.list.querySelectorAll(".item .own")[place];
    if (own) own.textContent = this.row.mark ? MARKS[this.row.mark.mark] : "";
  }

  edit() {
    if (this.form) return this.form.querySelector("textarea").focus();
    const before = this.row.mark?.mark === "edit" ? this.row.mark.text : this.row.chosen;
    const text = make("textarea", { id: "pf-edited", rows: "12", dir: "auto" });
    text.value = before;
    const save = () => this.save({ mark: "edit", text: text.value });
    this.form = make("form", { class: "edit", onsubmit: (event) => { event.preventDefault(); save(); } },
      make("label", { for: "pf-edited" }, "A better response than the chosen one"), text,
      make("div", {}, make("button", { type: "submit" }, "Save"), make("button", { type: "button", class: "quiet", onclick: () => this.close() }, "Leave"), make("span", { class: "note" }, "Ctrl+Enter saves, Esc leaves")));
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save();
      else if (event.key === "Escape") this.close();
    });
    this.box.closest(".bar").after(this.form);
    return text.focus();
  }

  close() {
    if (!this.form) return;
    this.form.remove();
    this.form = null;
    this.buttons[2].focus();
  }
}

/** How a person's marks agree with the run's judges, in words. */
function agreementOf(told) {
  if (typeof told.said === "string") return visible(told.said);
  return "";
}
