// The form of a webhook: rows, kinds of body, secrets, recipes, and no typed text lost by leaving.
(() => {
  "use strict";
  const form = document.querySelector("[data-webhook-form]");
  if (!form) return;
  let isChanged = false;
  form.addEventListener("input", (event) => { if (event.target.name !== "trial_document") isChanged = true; });
  form.addEventListener("submit", () => { isChanged = false; });
  addEventListener("beforeunload", (event) => { if (isChanged) event.preventDefault(); });

  const told = () => { isChanged = true; form.dispatchEvent(new Event("rows-changed")); };
  form.addEventListener("click", (event) => {
    const rows = event.target.closest("[data-rows]");
    if (event.target.closest("[data-adds-row]")) {
      const row = rows.querySelector("template").content.cloneNode(true);
      const input = row.querySelector("input");
      rows.insertBefore(row, rows.querySelector("template"));
      input.focus();
    } else if (event.target.closest("[data-removes-row]")) {
      event.target.closest("[data-row]").remove();
      rows.querySelector("[data-adds-row]").focus();
      told();
    }
    const example = event.target.closest("[data-fills]");
    if (example) {
      const input = document.getElementById(example.dataset.fills);
      input.value = example.textContent;
      input.dispatchEvent(new Event("input", { bubbles: true }));
      input.focus();
    }
    const maker = event.target.closest("[data-makes-secret]");
    if (maker) {
      const input = document.getElementById(maker.dataset.makesSecret);
      input.value = "whsec_" + btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(24))));
      input.type = "text"; // to be copied: it is shown only until the form is saved
      form.querySelector("[name=enable_security]").checked = true;
      input.dispatchEvent(new Event("input", { bubbles: true }));
      input.select();
    }
    const tab = event.target.closest("[data-tab]");
    if (tab) chooseTab(tab);
  });
  const chooseTab = (tab) => {
    for (const each of tab.parentElement.querySelectorAll("[data-tab]")) {
      const isChosen = each === tab;
      each.setAttribute("aria-selected", String(isChosen));
      each.tabIndex = isChosen ? 0 : -1;
      document.getElementById(each.getAttribute("aria-controls")).hidden = !isChosen;
    }
    tab.focus();
  };
  form.addEventListener("keydown", (event) => {
    const tab = event.target.closest("[data-tab]");
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!tab || !step) return;
    event.preventDefault();
    const all = [...tab.parentElement.querySelectorAll("[data-tab]")];
    chooseTab(all[(all.indexOf(tab) + step + all.length) % all.length]);
  });
  form.addEventListener("change", (event) => {
    if (event.target.name !== "mode") return;
    for (const part of form.querySelectorAll("[data-mode]")) part.hidden = !part.dataset.mode.split(" ").includes(event.target.value);
    const rows = document.getElementById("field-rows");
    if (!rows.parentElement.hidden && !rows.querySelector("[data-row]")) rows.querySelector("[data-adds-row]").click();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("[data-row] input")) {
      event.preventDefault(); // a row more, and not the form sent half-way
      event.target.closest("[data-rows]").querySelector("[data-adds-row]").click();
    } else if (event.key === "Tab" && !event.shiftKey && event.target.matches("textarea.code-input") && event.ctrlKey) event.preventDefault();
  });
})();
