// The page shows the list, or the call that its address names; keys lead from one to the other.
(() => {
  const body = document.body;
  const filter = document.getElementById("filter");
  let wanted = ""; // what the list is filtered by

  function turn() {
    const id = /^#call=([\w-]+)$/.exec(location.hash)?.[1] ?? null;
    const former = body.dataset.call;
    body.dataset.call = id ?? "";
    body.classList.toggle("listing", id === null);
    document.getElementById("close").click();
    if (id && !former) wanted = filter.value;
    filter.value = id ? "" : wanted;
    callDrawing.clear();
    document.title = id ? "A call" : "Calls";
    callConnection.open(id);
    callList.update();
    if (!id && former) callList.focus(former);
  }

  function clearFilter() {
    filter.value = "";
    filter.blur();
    callList.update();
  }

  function key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const typing = event.target === filter;
    if (body.classList.contains("listing")) {
      const move = callList.move;
      const action = { ArrowDown: () => move(1), ArrowUp: () => move(-1),
        ...(typing ? { Escape: clearFilter } : { j: () => move(1), k: () => move(-1) }) }[event.key];
      if (!action) return;
      event.preventDefault();
      event.stopPropagation();
      action();
    } else if (event.key === "Escape" && !typing && !body.classList.contains("reading")) {
      location.hash = "";
    }
  }

  // Before the keys of ladders: what Escape closes first is theirs.
  document.addEventListener("keydown", key, true);
  addEventListener("hashchange", turn);
  turn();
})();
