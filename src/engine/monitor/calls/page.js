"use strict";
// The list of calls, and the ladder of the one that is open, as the server tells of them. Texts of messages come into the list as
// text; the ladder is HTML that the server has made of them.
(() => {
  const $ = (id) => document.getElementById(id);
  const body = document.body;
  const table = document.querySelector("#list tbody");
  const reader = $("reader");
  const filter = $("filter");
  const columns = new CSSStyleSheet();
  const rows = new Map(); // by the id of the call; the one that was active last is the last one
  const RETRY = 3000;
  let source = null;
  let retry = null;
  let most = 0;
  let wanted = ""; // what the list is filtered by
  let skew = 0; // seconds by which the clock of the server is ahead of ours

  document.adoptedStyleSheets = [columns];

  const asked = () => /^#call=([\w-]+)$/.exec(location.hash)?.[1] ?? null;
  const say = (kind, words) => { $("state").className = kind; $("state").value = words; };

  function connect() {
    clearTimeout(retry);
    source?.close();
    const query = new URLSearchParams(location.search);
    const call = asked();
    if (call) query.set("call", call);
    source = new EventSource(`calls/events?${query}`);
    source.addEventListener("open", () => say("live", "live"));
    source.addEventListener("error", () => {
      say("lost", "no connection");
      // The browser tries again by itself, but not after a refusal.
      if (source.readyState === EventSource.CLOSED) retry = setTimeout(connect, RETRY);
    });
    source.addEventListener("calls", (event) => list(JSON.parse(event.data)));
    source.addEventListener("ladder", (event) => draw(JSON.parse(event.data)));
    source.addEventListener("silent", () => say("waits", "the script is busy"));
    source.addEventListener("gone", () => say("waits", "the call is not kept any more"));
  }

  // The list

  function list(news) {
    if (news.whole) {
      const there = new Set(news.calls.map((call) => call.id));
      for (const id of [...rows.keys()]) if (!there.has(id)) forget(id);
    }
    most = news.most;
    skew = news.now - Date.now() / 1000;
    $("server").textContent = news.server;
    for (const call of news.calls) show(call);
    for (const id of [...rows.keys()].slice(0, Math.max(rows.size - most, 0))) forget(id);
    update();
  }

  function forget(id) {
    rows.get(id).row.remove();
    rows.delete(id);
  }

  function show(call) {
    const known = rows.get(call.id);
    const row = known?.row ?? document.createElement("tr");
    rows.delete(call.id);
    rows.set(call.id, { row, call });
    row.className = `${failed(call) ? "failed" : ""} ${call.goes_on ? "goes-on" : ""}`;
    if (!known) {
      for (let count = 0; count < 7; count++) row.append(document.createElement("td"));
      const link = document.createElement("a");
      link.href = `#call=${call.id}`;
      row.cells[3].append(link);
      const status = document.createElement("span");
      row.cells[4].append(status);
      const later = [...table.rows].find((other) => beganAt(other) <= call.began_at);
      table.insertBefore(row, later ?? null);
    }
    row.dataset.began = call.began_at;
    const [time, method, from, to, status, waited, lasted] = row.cells;
    time.textContent = clock(call.began_at);
    method.textContent = call.method;
    from.textContent = call.from || "unknown";
    to.firstChild.textContent = call.to || "unknown";
    to.firstChild.title = call.call_id;
    status.firstChild.textContent = result(call);
    status.firstChild.className = `status ${call.outcome}`;
    waited.textContent = seconds(call.waited);
    lasted.textContent = seconds(lastedSoFar(call));
  }

  const failed = (call) => call.outcome === "failure" || call.outcome === "none";

  function result(call) {
    if (call.status) return `${call.status} ${call.reason}`;
    if (call.outcome === "none") return "no response";
    return call.method ? call.outcome : "unreadable";
  }

  const lastedSoFar = (call) => call.goes_on ? Math.max(Date.now() / 1000 + skew - call.began_at, call.duration) : call.duration;

  function tick() {
    for (const { row, call } of rows.values()) {
      if (call.goes_on) row.cells[6].textContent = seconds(lastedSoFar(call));
    }
  }

  const beganAt = (row) => Number(row.dataset.began);

  function clock(at) {
    const date = new Date(at * 1000);
    return `${date.toLocaleTimeString("en-GB")}.${String(date.getMilliseconds()).padStart(3, "0")}`;
  }

  const seconds = (count) => `${count.toFixed(count < 10 ? 2 : 1)} s`;

  function update() {
    if (!body.classList.contains("listing")) return;
    const text = filter.value.trim().toLowerCase();
    let count = 0;
    for (const { row, call } of rows.values()) {
      const all = [call.method, call.from, call.to, call.call_id, call.status, call.reason, result(call), call.outcome].join("\n");
      row.hidden = (text !== "" && !all.toLowerCase().includes(text)) ||
        ($("only-failed").checked && !failed(call)) || ($("only-open").checked && !call.goes_on);
      if (!row.hidden) count++;
    }
    $("none").hidden = count > 0;
    $("none").textContent = rows.size > 0 ? "No call is like that." : "No calls yet.";
    $("shown").value = count === rows.size ? `${count} calls` : `${count} of ${rows.size} calls`;
  }

  function move(step) {
    const links = [...table.rows].filter((row) => !row.hidden).map((row) => row.cells[3].firstChild);
    const at = links.indexOf(document.activeElement);
    links[at < 0 ? (step > 0 ? 0 : links.length - 1) : at + step]?.focus();
  }

  function clear() {
    filter.value = "";
    filter.blur();
    update();
  }

  // The ladder

  function draw(drawing) {
    say("live", "live");
    const row = document.activeElement?.closest("a.row")?.hash;
    const end = document.scrollingElement;
    const follows = end.scrollTop > 0 && end.scrollTop + end.clientHeight >= end.scrollHeight - 8;
    const read = reader.scrollTop;
    columns.replaceSync(drawing.style);
    $("ladder").innerHTML = drawing.ladder;
    document.title = document.querySelector("#ladder h2").textContent;
    for (const article of reader.querySelectorAll("article")) article.remove();
    reader.insertAdjacentHTML("beforeend", drawing.articles);
    document.dispatchEvent(new Event("ladder"));
    if (row) document.querySelector(`a.row[href="${row}"]`)?.focus({ preventScroll: true });
    reader.scrollTop = read;
    if (follows) end.scrollTop = end.scrollHeight;
  }

  function turn() {
    const id = asked();
    const former = body.dataset.call;
    body.dataset.call = id ?? "";
    body.classList.toggle("listing", id === null);
    $("close").click();
    if (id && !former) wanted = filter.value;
    filter.value = id ? "" : wanted;
    $("ladder").replaceChildren();
    for (const article of reader.querySelectorAll("article")) article.remove();
    document.dispatchEvent(new Event("ladder"));
    document.title = id ? "A call" : "Calls";
    connect();
    update();
    if (!id && former) rows.get(former)?.row.cells[3].firstChild.focus();
  }

  function key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const typing = event.target === filter;
    if (body.classList.contains("listing")) {
      const action = { ArrowDown: () => move(1), ArrowUp: () => move(-1),
        ...(typing ? { Escape: clear } : { j: () => move(1), k: () => move(-1) }) }[event.key];
      if (!action) return;
      event.preventDefault();
      event.stopPropagation();
      action();
    } else if (event.key === "Escape" && !typing && !body.classList.contains("reading")) {
      location.hash = "";
    }
  }

  table.addEventListener("click", (event) => {
    if (!event.target.closest("a")) event.target.closest("tr")?.querySelector("a").click();
  });
  // Before the keys of ladders: what Escape closes first is theirs.
  document.addEventListener("keydown", key, true);
  document.querySelector(".tools").addEventListener("input", update);
  setInterval(tick, 1000);
  addEventListener("hashchange", turn);
  turn();
})();
