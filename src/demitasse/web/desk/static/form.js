// A document's form: rows of tables, tabs, fields that depend on others, links, colours, signatures, what is not saved.
(() => {
  "use strict";
  const form = document.getElementById("doc-form");
  if (!form) return;

  // What is not saved
  const mark = document.getElementById("not-saved");
  let isDirty = form.hasAttribute("data-dirty");
  let isSending = false;
  const setDirty = () => { isDirty = true; if (mark) mark.hidden = false; };
  if (isDirty && mark) mark.hidden = false;
  form.addEventListener("input", setDirty);
  form.addEventListener("change", setDirty);
  form.addEventListener("submit", (event) => {
    if (isSending) { event.preventDefault(); return; } // a second click sends nothing twice
    isSending = true;
    setTimeout(() => { isSending = false; }, 10000);
  });
  addEventListener("pageshow", () => { isSending = false; });
  addEventListener("beforeunload", (event) => { if (isDirty && !isSending) event.preventDefault(); });

  // Fields that depend on others
  const textOf = (name) => {
    const found = form.elements[`f.${name}`];
    if (!found) return "";
    const one = found instanceof RadioNodeList ? [...found].find((each) => each.type === "checkbox") : found;
    if (one?.type === "checkbox") return one.checked ? "1" : "0";
    return found.value;
  };
  const number = (value) => (value === "" || value === null || Number.isNaN(Number(value)) ? null : Number(value));
  const truth = (value) => Boolean(value) && value !== "0";
  const equal = (a, b) => {
    const [x, y] = [number(a), number(b)];
    return x !== null && y !== null ? x === y : String(a) === String(b);
  };
  const evaluate = (condition) => {
    const [operator, one, other] = condition;
    switch (operator) {
      case "field": return textOf(one);
      case "value": return one;
      case "not": return !truth(evaluate(one));
      case "and": return truth(evaluate(one)) && truth(evaluate(other));
      case "or": return truth(evaluate(one)) || truth(evaluate(other));
      default: {
        const [a, b] = [evaluate(one), evaluate(other)];
        if (operator === "==") return equal(a, b);
        if (operator === "!=") return !equal(a, b);
        if (operator === "in") return Array.isArray(b) ? b.some((each) => equal(a, each)) : String(b).includes(String(a));
        if (operator === "starts") return String(a).startsWith(String(b));
        const [x, y] = [number(a), number(b)];
        if (x === null || y === null) return false;
        return { ">": x > y, "<": x < y, ">=": x >= y, "<=": x <= y }[operator];
      }
    }
  };
  const showDependent = () => {
    for (const part of form.querySelectorAll("[data-depends]")) part.hidden = !truth(evaluate(JSON.parse(part.dataset.depends)));
  };
  form.addEventListener("input", showDependent);
  form.addEventListener("change", showDependent);

  // Links: what is asked for is the DocType, which for a Dynamic Link stands in another control
  document.addEventListener("htmx:configRequest", (event) => {
    const input = event.detail.elt;
    if (!input.matches?.("[data-link-field]")) return;
    const other = form.elements[input.dataset.linkField];
    event.detail.parameters = { doctype: input.dataset.linkField ? other?.value ?? "" : input.dataset.link, q: input.value };
  });

  // Rows
  const focusIn = (row) => row?.querySelector("input:not([type=hidden]), select, textarea, a")?.focus();
  document.addEventListener("htmx:afterSwap", (event) => {
    if (!event.detail.target?.matches?.("[data-rows]")) return;
    setDirty();
    focusIn(event.detail.target.querySelector("[data-row]:last-of-type"));
  });
  const move = (row, isUp) => {
    const other = isUp ? row.previousElementSibling : row.nextElementSibling;
    if (!other?.matches("[data-row]")) return;
    if (isUp) other.before(row); else other.after(row);
    setDirty();
  };
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    const row = button?.closest("[data-row]");
    if (!row) return;
    if ("rowMore" in button.dataset) {
      const more = row.querySelector(".row-more");
      more.hidden = !more.hidden;
      button.setAttribute("aria-expanded", String(!more.hidden));
    } else if ("rowRemove" in button.dataset) {
      const next = row.nextElementSibling ?? row.previousElementSibling;
      const add = row.closest(".field-table").querySelector("[data-row-add]");
      row.remove();
      setDirty();
      if (next?.matches("[data-row]")) focusIn(next); else add?.focus();
    } else if ("rowUp" in button.dataset || "rowDown" in button.dataset) {
      move(row, "rowUp" in button.dataset);
      button.focus();
    }
  });
  form.addEventListener("keydown", (event) => {
    const row = event.altKey && event.key.startsWith("Arrow") && event.target.closest("[data-row]");
    if (!row || !row.querySelector("[data-row-up]") || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    const { activeElement } = document;
    move(row, event.key === "ArrowUp");
    activeElement.focus();
  });

  // Tabs
  const tabs = [...form.querySelectorAll("[role=tab]")];
  const openTab = (chosen) => {
    for (const tab of tabs) {
      const isChosen = tab === chosen;
      tab.classList.toggle("active", isChosen);
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !isChosen;
    }
  };
  for (const tab of tabs) {
    tab.addEventListener("click", () => openTab(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
      openTab(next);
      next.focus();
    });
  }

  // Colours and signatures
  for (const picker of form.querySelectorAll("[data-color-for]")) {
    const text = document.getElementById(picker.dataset.colorFor);
    picker.addEventListener("input", () => { text.value = picker.value; });
    text.addEventListener("input", () => { if (/^#[0-9a-f]{6}$/i.test(text.value)) picker.value = text.value; });
  }
  for (const box of form.querySelectorAll("[data-signature]")) {
    const [pad, kept] = [box.querySelector("[data-pad]"), box.querySelector("input")];
    const pen = pad.getContext("2d");
    Object.assign(pen, { lineWidth: 2.5, lineCap: "round", strokeStyle: "#1a2b4a" });
    if (kept.value.startsWith("data:image/")) {
      const image = new Image();
      image.addEventListener("load", () => pen.drawImage(image, 0, 0));
      image.src = kept.value;
    }
    const at = (event) => {
      const place = pad.getBoundingClientRect();
      return [(event.clientX - place.left) * (pad.width / place.width), (event.clientY - place.top) * (pad.height / place.height)];
    };
    pad.addEventListener("pointerdown", (event) => { pad.setPointerCapture(event.pointerId); pen.beginPath(); pen.moveTo(...at(event)); });
    pad.addEventListener("pointermove", (event) => { if (event.buttons) { pen.lineTo(...at(event)); pen.stroke(); } });
    pad.addEventListener("pointerup", () => { kept.value = pad.toDataURL("image/png"); setDirty(); });
    box.querySelector("[data-wipe]").addEventListener("click", () => { pen.clearRect(0, 0, pad.width, pad.height); kept.value = ""; setDirty(); });
  }

  // To the first thing that is wrong
  form.querySelector("[aria-invalid=true]")?.focus();
})();
