// A phone in a page: it registers, takes calls and notes everything that happens for the spec to look at.
import JsSIP from "jssip";

const seen = [];

window.phone = {
  seen,

  start(server, uri) {
    const agent = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(server)],
      uri,
      register_expires: 600,
      session_timers: false
    });
    agent.on("connected", () => seen.push({ event: "connected" }));
    agent.on("disconnected", ({ code }) => seen.push({ event: "disconnected", code }));
    agent.on("registered", ({ response }) => seen.push({ event: "registered", status: response.status_code }));
    agent.on("registrationFailed", ({ cause }) => seen.push({ event: "registrationFailed", cause }));
    agent.on("newMessage", ({ originator, message, request }) => {
      seen.push({ event: "newMessage", originator, body: request.body });
      if (originator === "remote") message.accept();
    });
    agent.on("newRTCSession", ({ originator, session }) => this.takeCall(originator, session));
    agent.start();
    this.agent = agent;
  },

  takeCall(originator, session) {
    seen.push({ event: "newRTCSession", originator, from: session.remote_identity.uri.user });
    for (const event of ["progress", "accepted", "confirmed", "ended", "failed"]) {
      session.on(event, ({ originator, cause }) => seen.push({ event, originator, cause }));
    }
    // One candidate is enough: nothing is to be heard.
    session.on("icecandidate", ({ ready }) => ready());
    session.answer({
      mediaConstraints: { audio: true, video: false },
      pcConfig: { iceServers: [] }
    });
  }
};
