// Keeps deliveries live, remembers which rows are chosen, and keeps relative times true.
(() => {
  "use strict";
  const EVERY_MS = 2000, TOLD_EVERY_MS = 10000, AT_MOST_EVERY_MS = 400;
  let isTold = false, due = 0, askedAt = 0;

  const refresh = () => {
    askedAt = Date.now();
    if (document.hidden || document.querySelector("dialog[open]")) return;
    for (const part of document.querySelectorAll("[data-live]")) {
      if (!part.contains(document.activeElement) || !document.activeElement.matches("summary, pre")) htmx.trigger(part, "refresh");
    }
  };
  // The site tells when something has changed. It is asked now and then all the same, and often where it cannot tell.
  setInterval(() => { if (Date.now() - askedAt >= (isTold ? TOLD_EVERY_MS : EVERY_MS)) refresh(); }, EVERY_MS);
  const told = () => {
    if (due) return;
    due = setTimeout(() => { due = 0; refresh(); }, AT_MOST_EVERY_MS);
  };
  // Browsers allow a site few connections: only the page that is looked at holds one.
  let source = null;
  const listen = () => {
    if (source || !document.querySelector("[data-live], [hx-get*=\"/app/deliveries\"]")) return;
    source = new EventSource("/events?topic=deliveries");
    source.addEventListener("open", () => { isTold = true; refresh(); });
    source.addEventListener("error", () => { isTold = false; });
    source.addEventListener("message", told);
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      source?.close();
      source = null;
      isTold = false;
    } else {
      listen();
      refresh();
    }
  });
  listen();

  const boxes = (form) => [...form.querySelectorAll("input[name=delivery]")];
  const count = (form) => {
    const chosen = boxes(form).filter((box) => box.checked).length;
    const button = document.querySelector(`[data-replay][form="${form.id}"]`);
    button.disabled = chosen === 0;
    button.querySelector("[data-replay-count]").textContent = chosen || "";
    const all = form.querySelector("[data-choose-all]");
    all.checked = chosen > 0 && chosen === boxes(form).length;
    all.indeterminate = chosen > 0 && !all.checked;
  };
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-choosing]");
    if (!form) return;
    if (event.target.matches("[data-choose-all]")) for (const box of boxes(form)) box.checked = event.target.checked;
    count(form);
  });
  let kept = new Set(), focused = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const form = event.target.closest?.("form[data-choosing]");
    if (form) kept = new Set(boxes(form).filter((box) => box.checked).map((box) => box.value));
    focused = event.target.contains(document.activeElement) ? document.activeElement.closest("[data-delivery]")?.dataset.delivery : null;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    for (const form of document.querySelectorAll("form[data-choosing]")) {
      if (!form.contains(event.detail.elt)) continue;
      for (const box of boxes(form)) box.checked ||= kept.has(box.value);
      count(form);
    }
    if (focused) document.querySelector(`[data-delivery="${CSS.escape(focused)}"] a`)?.focus({ preventScroll: true });
    focused = null;
  });

  const STEPS = [[31536000, "y"], [2592000, "mo"], [604800, "w"], [86400, "d"], [3600, "h"], [60, "min"]];
  const relative = (moment) => {
    const seconds = (Date.now() - moment) / 1000, size = Math.abs(seconds);
    if (size < 5) return "just now";
    const [length, unit] = STEPS.find(([length]) => size >= length) || [1, "s"];
    const text = `${Math.floor(size / length)} ${unit}`;
    return seconds > 0 ? `${text} ago` : `in ${text}`;
  };
  setInterval(() => {
    for (const time of document.querySelectorAll("time[datetime]")) {
      const text = relative(Date.parse(time.getAttribute("datetime")));
      if (time.textContent !== text) time.textContent = text;
    }
  }, 5000);
})();
