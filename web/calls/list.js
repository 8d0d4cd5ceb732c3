// The list of calls, as the server tells of them. Texts of messages come into it as text.
const callList = (() => {
  const $ = (id) => document.getElementById(id);
  const { failed, result, clock, seconds } = callWords;
  const table = document.querySelector("#list tbody");
  const filter = $("filter");
  const rows = new Map(); // by the id of the call; the one that was active last is the last one
  let skew = 0; // seconds by which the clock of the server is ahead of ours

  function take(news) {
    if (news.whole) {
      const there = new Set(news.calls.map((call) => call.id));
      for (const id of [...rows.keys()]) if (!there.has(id)) forget(id);
    }
    skew = news.now - Date.now() / 1000;
    $("server").textContent = news.server;
    for (const call of news.calls) show(call);
    for (const id of [...rows.keys()].slice(0, Math.max(rows.size - news.most, 0))) forget(id);
    update();
  }

  function forget(id) {
    rows.get(id).row.remove();
    rows.delete(id);
  }

  function show(call) {
    const row = rows.get(call.id)?.row ?? newRow(call);
    rows.delete(call.id);
    rows.set(call.id, { row, call });
    row.className = `${failed(call) ? "failed" : ""} ${call.goes_on ? "goes-on" : ""}`;
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

  // Before the rows of calls that have begun earlier.
  function newRow(call) {
    const row = document.createElement("tr");
    for (let count = 0; count < 7; count++) row.append(document.createElement("td"));
    const link = document.createElement("a");
    link.href = `#call=${call.id}`;
    row.cells[3].append(link);
    row.cells[4].append(document.createElement("span"));
    const earlier = [...table.rows].find((other) => Number(other.dataset.began) <= call.began_at);
    table.insertBefore(row, earlier ?? null);
    return row;
  }

  const lastedSoFar = (call) => call.goes_on ? Math.max(Date.now() / 1000 + skew - call.began_at, call.duration) : call.duration;

  function tick() {
    for (const { row, call } of rows.values()) {
      if (call.goes_on) row.cells[6].textContent = seconds(lastedSoFar(call));
    }
  }

  function update() {
    if (!document.body.classList.contains("listing")) return;
    const text = filter.value.trim().toLowerCase();
    let count = 0;
    for (const { row, call } of rows.values()) {
      const all = [call.method, call.from, call.to, call.call_id, result(call), call.outcome].join("\n");
      row.hidden = (text !== "" && !all.toLowerCase().includes(text)) ||
        ($("only-failed").checked && !failed(call)) || ($("only-open").checked && !call.goes_on);
      if (!row.hidden) count++;
    }
    $("none").hidden = count > 0;
    $("none").textContent = rows.size > 0 ? "No call is like that." : "No calls yet.";
    $("shown").value = count === rows.size ? `${count} calls` : `${count} of ${rows.size} calls`;
  }

  // To the next or the former call that is shown.
  function move(step) {
    const links = [...table.rows].filter((row) => !row.hidden).map((row) => row.cells[3].firstChild);
    const at = links.indexOf(document.activeElement);
    links[at < 0 ? (step > 0 ? 0 : links.length - 1) : at + step]?.focus();
  }

  const focus = (id) => rows.get(id)?.row.cells[3].firstChild.focus();

  table.addEventListener("click", (event) => {
    if (!event.target.closest("a")) event.target.closest("tr")?.querySelector("a").click();
  });
  document.querySelector(".tools").addEventListener("input", update);
  setInterval(tick, 1000);

  return { take, update, move, focus };
})();
