// The frame of the Desk: dialogs, menus, toasts, the sidebar on a phone, keyboard shortcuts, the CSRF token of htmx.
(() => {
  "use strict";
  const token = document.querySelector("meta[name=csrf-token]").content;
  document.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["X-Frappe-CSRF-Token"] = token;
  });

  const openDialog = (id) => {
    const dialog = document.getElementById(id);
    if (!dialog || dialog.open) return;
    for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
    dialog.showModal();
    const input = dialog.querySelector("[role=combobox]");
    if (input) {
      input.select();
      input.dispatchEvent(new Event("search-opened", { bubbles: true }));
    }
  };
  const toggleSidebar = (isOpen) => {
    document.body.classList.toggle("sidebar-open", isOpen);
    document.querySelector("[data-opens=sidebar]")?.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) document.querySelector("#sidebar a")?.focus();
  };

  const showToast = (text, level = "success") => {
    const toast = document.createElement("div");
    toast.className = `toast show desk-toast is-${level}`;
    toast.dataset.toast = "";
    const body = document.createElement("div");
    body.className = "toast-body";
    const words = document.createElement("span");
    words.textContent = text;
    const close = document.createElement("button");
    close.type = "button";
    close.className = "btn-close";
    close.setAttribute("aria-label", "Close");
    close.dataset.closesToast = "";
    body.append(words, close);
    toast.append(body);
    document.getElementById("toasts").append(toast);
    fade(toast);
  };
  const fade = (toast) => setTimeout(() => { if (!toast.matches(":hover, :focus-within")) toast.remove(); }, 8000);
  window.desk = { openDialog, showToast };
  for (const toast of document.querySelectorAll("[data-toast]")) fade(toast);
  document.addEventListener("toast", (event) => showToast(event.detail.text, event.detail.level)); // HX-Trigger: {"toast": {...}}

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog]");
    if (opener) openDialog(opener.dataset.dialog);
    if (event.target.closest("[data-opens=sidebar]")) toggleSidebar(!document.body.classList.contains("sidebar-open"));
    if (event.target.closest("[data-closes=sidebar]")) toggleSidebar(false);
    event.target.closest("[data-closes-toast]")?.closest("[data-toast]").remove();
    event.target.closest("[data-closes-dialog]")?.closest("dialog").close();
    if (event.target.matches("dialog")) event.target.close(); // outside of the dialog's box
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
    const copied = event.target.closest("[data-copy]");
    if (copied) navigator.clipboard.writeText(document.getElementById(copied.dataset.copy)?.textContent ?? copied.dataset.copyText ?? "").then(() => showToast("Copied", "info"));
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
  });

  const isTyping = (element) => element.matches("input, textarea, select, [contenteditable=true]");
  document.addEventListener("keydown", (event) => {
    const key = event.key.toLowerCase();
    const isCommand = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
    if (isCommand && (key === "k" || key === "g")) {
      event.preventDefault();
      openDialog("search");
    } else if (isCommand && key === "s") {
      const form = document.querySelector("form[data-saves]");
      if (!form) return;
      event.preventDefault();
      form.requestSubmit(form.querySelector("[data-save]") ?? undefined);
    } else if (isCommand && key === "b") {
      const link = document.querySelector("[data-new]");
      if (!link) return;
      event.preventDefault();
      link.click();
    } else if (event.key === "?" && !isTyping(event.target)) {
      event.preventDefault();
      openDialog("shortcuts");
    } else if (event.key === "Escape") {
      for (const menu of document.querySelectorAll("details.menu[open]")) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
      if (document.body.classList.contains("sidebar-open")) {
        toggleSidebar(false);
        document.querySelector("[data-opens=sidebar]").focus();
      }
    }
  });
})();
