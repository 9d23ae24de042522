// A text field with a list of offers below it, as the ARIA Authoring Practices describe a combobox. htmx fills the list.
//   data-combobox="go":   choosing an option goes to its data-href.
//   data-combobox="pick": choosing an option puts its data-value into the field.
(() => {
  "use strict";
  const parts = (element) => {
    const box = element.closest("[data-combobox]");
    return box && { box, input: box.querySelector("[role=combobox]"), list: box.querySelector("[role=listbox]") };
  };
  const options = (list) => [...list.querySelectorAll("[role=option]:not([aria-disabled=true])")];

  const open = ({ input, list }, isOpen) => {
    input.setAttribute("aria-expanded", String(isOpen));
    list.hidden = !isOpen;
    if (isOpen && input.closest(".form-table-box")) { // the box scrolls, and would cut the list off
      const place = input.getBoundingClientRect();
      Object.assign(list.style, { position: "fixed", left: `${place.left}px`, top: `${place.bottom}px`, right: "auto", width: `${Math.max(place.width, 240)}px` });
    }
    if (!isOpen) activate({ input, list }, null);
  };
  const activate = ({ input, list }, chosen) => {
    for (const option of options(list)) option.setAttribute("aria-selected", String(option === chosen));
    if (chosen) {
      input.setAttribute("aria-activedescendant", chosen.id);
      chosen.scrollIntoView({ block: "nearest" });
    } else input.removeAttribute("aria-activedescendant");
  };
  const active = (list) => list.querySelector("[role=option][aria-selected=true]");
  const choose = (found, option) => {
    if (found.box.dataset.combobox === "go") {
      location.assign(option.dataset.href);
      return;
    }
    found.input.value = option.dataset.value;
    open(found, false);
    found.input.dispatchEvent(new Event("change", { bubbles: true }));
  };

  // Offers for what stood in the field a moment ago are not shown, and what was shown goes as soon as one types.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const found = event.detail.target?.matches?.("[role=listbox]") && parts(event.detail.target);
    const asked = event.detail.requestConfig?.parameters?.q;
    if (found && asked !== undefined && String(asked) !== found.input.value) event.detail.shouldSwap = false;
  });
  document.addEventListener("input", (event) => {
    if (!event.target.matches?.("[data-combobox] [role=combobox]")) return;
    const found = parts(event.target);
    activate(found, null);
    if (found.box.dataset.combobox === "pick") {
      found.list.replaceChildren();
      open(found, false);
    }
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    const found = event.target.closest("[role=listbox]") && parts(event.target);
    if (!found) return;
    options(found.list).forEach((option, number) => { option.id = `${found.list.id}-${number}`; });
    const isWanted = document.activeElement === found.input;
    open(found, isWanted && found.list.children.length > 0);
    if (found.box.dataset.combobox === "go") activate(found, options(found.list)[0] || null);
  });
  document.addEventListener("keydown", (event) => {
    if (!event.target.matches?.("[data-combobox] [role=combobox]")) return;
    const found = parts(event.target);
    const all = options(found.list);
    const isOpen = !found.list.hidden && all.length > 0;
    const place = all.indexOf(active(found.list));
    if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !event.altKey) {
      event.preventDefault();
      if (!isOpen) { found.input.dispatchEvent(new Event("search-opened", { bubbles: true })); return; }
      const step = event.key === "ArrowDown" ? 1 : -1;
      activate(found, all[(place + step + all.length) % all.length] || all[0]);
    } else if (event.key === "Enter" && isOpen && place >= 0) {
      event.preventDefault();
      choose(found, all[place]);
    } else if (event.key === "Escape" && isOpen && found.box.dataset.combobox === "pick") {
      event.preventDefault();
      event.stopPropagation();
      open(found, false);
    } else if (event.key === "Tab") open(found, false);
  });
  document.addEventListener("mousedown", (event) => {
    const option = event.target.closest("[data-combobox] [role=option]:not([aria-disabled=true])");
    if (option) event.preventDefault(); // the field keeps the focus
  });
  document.addEventListener("click", (event) => {
    const option = event.target.closest("[data-combobox] [role=option]:not([aria-disabled=true])");
    if (option) choose(parts(option), option);
  });
  document.addEventListener("scroll", (event) => {
    const found = document.activeElement?.matches("[data-combobox='pick'] [role=combobox]") && parts(document.activeElement);
    if (found && !found.list.hidden && found.list.style.position === "fixed" && event.target !== found.list) open(found, false);
  }, true);
  document.addEventListener("focusout", (event) => {
    const found = event.target.matches?.("[data-combobox='pick'] [role=combobox]") && parts(event.target);
    if (found) open(found, false);
  });
})();
