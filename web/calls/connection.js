// The connection by which the server tells of calls, and of the ladder of one of them.
const callConnection = (() => {
  const RETRY = 3000;
  let source = null;
  let retry = null;

  function say(kind, words) {
    const state = document.getElementById("state");
    state.className = kind;
    state.value = words;
  }

  // Another one takes its place when another call is open, or none.
  function open(call) {
    clearTimeout(retry);
    source?.close();
    const query = new URLSearchParams(location.search);
    if (call) query.set("call", call);
    source = new EventSource(`calls/events?${query}`);
    source.addEventListener("open", () => say("live", "live"));
    source.addEventListener("error", () => {
      say("lost", "no connection");
      // The browser tries again by itself, but not after a refusal.
      if (source.readyState === EventSource.CLOSED) retry = setTimeout(open, RETRY, call);
    });
    source.addEventListener("calls", (event) => callList.take(JSON.parse(event.data)));
    source.addEventListener("ladder", (event) => {
      say("live", "live");
      callDrawing.show(JSON.parse(event.data));
    });
    source.addEventListener("silent", () => say("waits", "the script is busy"));
    source.addEventListener("gone", () => say("waits", "the call is not kept any more"));
  }

  return { open };
})();
