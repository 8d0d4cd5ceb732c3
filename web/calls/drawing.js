// The ladder of the call that is open: HTML that the server has made of its messages.
const callDrawing = (() => {
  const $ = (id) => document.getElementById(id);
  const reader = $("reader");
  const columns = new CSSStyleSheet();

  document.adoptedStyleSheets = [columns];

  function dropArticles() {
    for (const article of reader.querySelectorAll("article")) article.remove();
  }

  // Who reads goes on reading the same message, and who looks at the end sees the new end.
  function show(drawing) {
    const row = document.activeElement?.closest("a.row")?.hash;
    const end = document.scrollingElement;
    const follows = end.scrollTop > 0 && end.scrollTop + end.clientHeight >= end.scrollHeight - 8;
    const read = reader.scrollTop;
    columns.replaceSync(drawing.style);
    $("ladder").innerHTML = drawing.ladder;
    document.title = document.querySelector("#ladder h2").textContent;
    dropArticles();
    reader.insertAdjacentHTML("beforeend", drawing.articles);
    document.dispatchEvent(new Event("ladder"));
    if (row) document.querySelector(`a.row[href="${row}"]`)?.focus({ preventScroll: true });
    reader.scrollTop = read;
    if (follows) end.scrollTop = end.scrollHeight;
  }

  function clear() {
    $("ladder").replaceChildren();
    dropArticles();
    document.dispatchEvent(new Event("ladder"));
  }

  return { show, clear };
})();
