"use strict";
// Reading messages, moving by keys, and filtering. Text from messages is only ever read here, never made into HTML.
(() => {
  const $ = (id) => document.getElementById(id);
  const root = document.documentElement;
  const reader = $("reader");
  const filter = $("filter");
  const texts = new Map();
  let items = [];
  let calls = [];
  let links = [];
  let chosen = null;

  // What there is to see: ladders may come later, and be drawn again.
  function look() {
    items = [...document.querySelectorAll(".ladder li")];
    calls = [...document.querySelectorAll("section.call")];
    links = items.map((item) => item.firstElementChild).filter((row) => row.matches("a"));
    texts.clear();
    const same = links.find((link) => link.hash === chosen?.hash);
    chosen = null;
    document.body.classList.remove("reading");
    if (same) choose(same);
    update();
  }

  const articleOf = (link) => $(link.hash.slice(1));
  const seen = (link) => link.getClientRects().length > 0;

  function choose(link) {
    close();
    chosen = link;
    link.setAttribute("aria-current", "true");
    articleOf(link).classList.add("open");
    document.body.classList.add("reading");
    reader.scrollTop = 0;
    link.scrollIntoView({ block: "nearest" });
  }

  function close() {
    if (!chosen) return;
    chosen.removeAttribute("aria-current");
    articleOf(chosen).classList.remove("open");
    document.body.classList.remove("reading");
    chosen = null;
  }

  function move(step) {
    const shown = links.filter(seen);
    const at = shown.indexOf(document.activeElement.closest("a.row") || chosen);
    const link = shown[at < 0 ? (step > 0 ? 0 : shown.length - 1) : at + step];
    if (!link) return;
    const reading = chosen !== null;
    link.focus();
    if (reading) choose(link);
  }

  // What a row says, with all of its message.
  function textOf(item) {
    if (!texts.has(item)) {
      const row = item.firstElementChild;
      const message = row.matches("a") ? articleOf(row).textContent : "";
      texts.set(item, `${row.textContent}\n${message}`.toLowerCase());
    }
    return texts.get(item);
  }

  function update() {
    const wanted = filter.value.trim().toLowerCase();
    for (const name of ["blocks", "element"]) root.classList.toggle(`no-${name}`, !$(`show-${name}`).checked);
    root.classList.toggle("only-failed", Boolean($("show-failed")?.checked));
    for (const item of items) item.hidden = wanted !== "" && !textOf(item).includes(wanted);
    for (const call of calls) {
      call.hidden = wanted !== "" && !call.querySelector(".ladder li:not([hidden])");
      const entry = document.querySelector(`tr[data-call="${call.id}"]`);
      if (entry) entry.hidden = call.hidden;
    }
    if (chosen && !seen(chosen)) close();
    const count = items.filter((item) => seen(item)).length;
    $("shown").value = count === items.length ? `${count} rows` : `${count} of ${items.length} rows`;
  }

  function key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const typing = event.target === filter;
    const action = {
      Escape: () => { if (typing) { filter.value = ""; update(); filter.blur(); } else { chosen?.focus(); close(); } },
      ArrowDown: () => move(1),
      ArrowUp: () => move(-1),
      ...(typing ? {} : { j: () => move(1), k: () => move(-1), "/": () => filter.select() }),
    }[event.key];
    if (!action || (event.target.matches("pre") && event.key.startsWith("Arrow"))) return;
    event.preventDefault();
    action();
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.row");
    if (!link) return;
    event.preventDefault();
    if (link === chosen) close(); else choose(link);
  });
  document.addEventListener("keydown", key);
  $("close").addEventListener("click", () => { chosen?.focus(); close(); });
  document.querySelector(".tools").addEventListener("input", update);
  document.addEventListener("ladder", look);
  root.classList.add("js");
  look();
  const asked = links.find((link) => link.hash === location.hash);
  if (asked) choose(asked);
})();
