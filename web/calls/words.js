// What the list says of a call.
const callWords = (() => {
  // A call that ends without a response has failed as well.
  const failed = (call) => call.outcome === "failure" || call.outcome === "none";

  function result(call) {
    if (call.status) return `${call.status} ${call.reason}`;
    if (call.outcome === "none") return "no response";
    return call.method ? call.outcome : "unreadable";
  }

  function clock(at) {
    const date = new Date(at * 1000);
    return `${date.toLocaleTimeString("en-GB")}.${String(date.getMilliseconds()).padStart(3, "0")}`;
  }

  const seconds = (count) => `${count.toFixed(count < 10 ? 2 : 1)} s`;

  return { failed, result, clock, seconds };
})();
