// Keys, the menu on small screens, questions before what cannot be taken back,
// and times in the reader's own zone. Every page works without it.
"use strict";
(() => {
  let leading = "";
  const typing = (el) => el && (el.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName));
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.altKey || e.metaKey || typing(e.target)) return;
    if (leading === "g") {
      leading = "";
      const link = document.querySelector(`#menu a[data-key="${CSS.escape(e.key)}"]`);
      if (link) { e.preventDefault(); link.click(); }
      return;
    }
    if (e.key === "/") {
      const box = document.getElementById("search");
      if (box) { e.preventDefault(); box.focus(); }
    } else if (e.key === "g") {
      leading = "g";
      setTimeout(() => { leading = ""; }, 1500);
    } else if (e.key === "?") {
      const keys = document.getElementById("keys");
      if (keys) keys.showModal();
    }
  });
  document.addEventListener("click", (e) => {
    const button = e.target.closest(".menu-button");
    if (!button) return;
    const open = document.getElementById("menu").classList.toggle("open");
    button.setAttribute("aria-expanded", String(open));
  });
  document.addEventListener("submit", (e) => {
    const question = e.target.dataset.confirm;
    if (question && !confirm(question)) e.preventDefault();
  });
  const localTimes = (root) => {
    for (const t of root.querySelectorAll("time[datetime]")) {
      const at = new Date(t.dateTime);
      if (!isNaN(at)) t.title = at.toLocaleString();
    }
  };
  localTimes(document);
  document.addEventListener("htmx:afterSwap", (e) => localTimes(e.target));
})();
