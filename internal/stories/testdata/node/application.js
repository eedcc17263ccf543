// The six flows of the media server as an application of its own: callbacks are verified, requests are signed. It needs Node.js alone.
//
// It listens on a port of its own choice, which it prints. Each flow is below a path of its own: POST /<flow>/<callback> is the media server's,
// POST /<flow>/do/<order> is the operator's, who gives the address of the REST interface with the order "begin".
"use strict";
const crypto = require("node:crypto");
const http = require("node:http");

const domain = process.env.DOMAIN;
const callbackKey = crypto.createPublicKey(process.env.CALLBACK_KEY);
const requestKey = crypto.createPrivateKey(process.env.REQUEST_KEY);

const call = (name, more) => ({ action: "call", destAddr: `sip:${name}@${domain}`, ...more });
const ivr = { action: "ivr" };
const drop = { action: "drop" };
const hold = { backgroundPrompt: { format: "file", fileName: "holdmusic.wav", repeatPause: 0.1 }, hangup: false, getIVRCommandAfter: 600 };
const say = (text) => [{ format: "awstts", awsTTSParameters: { Text: text, OutputFormat: "pcm", VoiceId: "Kendra", LanguageCode: "en-US" } }];
const later = (answer) => new Promise((resolve) => setTimeout(resolve, 100, answer)); // after who is asked about at the same time

const sha256 = (body) => crypto.createHash("sha256").update(body).digest("hex");
const encode = (object) => Buffer.from(JSON.stringify(object)).toString("base64url");

// sign returns a JSON Web Token for a body (RFC 7519, RS256).
function sign(body) {
  const now = Math.floor(Date.now() / 1000);
  const text = `${encode({ alg: "RS256", typ: "JWT" })}.${encode({ iss: domain, iat: now, exp: now + 60, payload_hash: sha256(body) })}`;
  return `${text}.${crypto.sign("RSA-SHA256", Buffer.from(text), requestKey).toString("base64url")}`;
}

// signed reports whether a callback comes from the media server.
function signed(request, body) {
  const [scheme, token] = (request.headers.authorization ?? "").split(" ");
  const [header, claims, signature] = (token ?? "").split(".");
  if (scheme !== "Bearer" || !signature || JSON.parse(Buffer.from(header, "base64url")).alg !== "RS256") {
    return false;
  }
  if (!crypto.verify("RSA-SHA256", Buffer.from(`${header}.${claims}`), callbackKey, Buffer.from(signature, "base64url"))) {
    return false;
  }
  const says = JSON.parse(Buffer.from(claims, "base64url"));
  return says.domain === domain && says.exp > Date.now() / 1000 && says.payload_hash === sha256(body);
}

// until waits for what has to come, for what is asked of a program and what it is told of go separate ways.
async function until(what) {
  for (let tries = 0; tries < 500; tries++) {
    const value = what();
    if (value !== undefined) {
      return value;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`not so: ${what}`);
}

// Flow is what every flow has: the callbacks that came, the connections that were made, and the REST interface.
class Flow {
  came = {};
  links = [];

  link(n) {
    return until(() => this.links[n]);
  }

  // told returns how many callbacks there were of each event, or of each name that has none, when all is over.
  async told() {
    await until(() => this.came.sessionCompleted);
    return this.came;
  }

  async request(method, path, object) {
    const body = object === undefined ? "" : JSON.stringify(object);
    const headers = { Authorization: `Bearer ${sign(body)}`, "Content-Type": "application/json" };
    const response = await fetch(`${this.rest}/mediaservice/${domain}/${path}`, { method, headers, body: body === "" ? undefined : body });
    if (!response.ok) {
      throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    }
    return response;
  }

  async post(path, object) {
    return (await this.request("POST", path, object)).json();
  }

  split({ connectionId, replyId }) {
    return this.post("splitconnection", { connectionId, replyId });
  }

  begin({ rest }) {
    this.rest = rest;
  }

  callAnswered(said) {
    this.links.push(said);
  }

  callNotify() {}
  sessionCompleted() {}
  recordingReady() {}
  callEvent() {
    return drop;
  }
}

class AutoAttendant extends Flow {
  newCall() {
    return ivr;
  }
  getIvrCommand({ dtmfParams }) {
    if (!dtmfParams) {
      return { bargeIn: "all", dtmf: { maxDigits: 1, terminationKey: "#" }, phrases: say("Welcome. For the reception, press 2.") };
    }
    return { phrases: say(`You pressed ${dtmfParams.dtmfMatch}.`), hangup: dtmfParams.dtmfMatch === "2" };
  }
  callEvent({ event }) {
    return event === "calledPartyDrop" ? call("b") : drop;
  }
}

class Recording extends Flow {
  newCall() {
    return call("b", { callRecording: true, filename: "talk.wav" });
  }
  recordingReady({ filename }) {
    this.filename = filename;
  }
  async fetch() {
    const response = await this.request("GET", `promptfile/${await until(() => this.filename)}`);
    return Buffer.from(await response.arrayBuffer());
  }
}

class Monitoring extends Flow {
  newCall() {
    return call("b", { monitorDestAddr: `sip:m@${domain}` });
  }
}

class AttendedTransfer extends Flow {
  newCall() {
    return call("b");
  }
  getIvrCommand() {
    return hold;
  }
  async consult() {
    const first = await this.link(0);
    this.parked = first.callerParticipantId;
    return this.split(first);
  }
  async transfer() {
    return this.split(await this.link(2)); // the one before is that with the IVR
  }
  callEvent({ event, user, replyId }) {
    switch (`${event} ${user}`) {
      case "callerConnectionSplit a":
        return ivr;
      case "calleeConnectionSplit b":
        return later(call("c"));
      case "calleeConnectionSplit c":
        return later({ action: "connect", participantId: this.parked, replyId });
    }
    return drop;
  }
}

class Conference extends Flow {
  newCall() {
    return call("b");
  }
  getIvrCommand() {
    return hold;
  }
  async park() {
    return this.split(await this.link(0));
  }
  async confer() {
    const [parked, inquiry] = [await this.link(1), await this.link(2)];
    const { sessionId, replyId } = inquiry;
    this.room = (await this.post("createconferenceconnection", { sessionId, replyId })).connectionId;
    await this.split(inquiry);
    return this.split(parked);
  }
  callEvent({ user }) {
    if (user === undefined) {
      return drop; // the IVR
    }
    if (this.room) {
      return { action: "joinconferenceconnection", connectionId: this.room };
    }
    return user === "b" ? ivr : later(call("c"));
  }
}

class Outbound extends Flow {
  dial() {
    return this.post("placeivrcall", { destAddr: `sip:a@${domain}`, sessionReferenceId: "alarm 7" });
  }
  getIvrCommand() {
    return call("b");
  }
}

const flows = {
  auto_attendant: new AutoAttendant(),
  recording: new Recording(),
  monitoring: new Monitoring(),
  attended_transfer: new AttendedTransfer(),
  conference: new Conference(),
  outbound: new Outbound(),
};

async function answer(request) {
  const [name, ...rest] = request.url.slice(1).split("/");
  const parts = [];
  for await (const part of request) {
    parts.push(part);
  }
  const body = Buffer.concat(parts);
  const order = rest[0] === "do";
  if (!order && !signed(request, body)) {
    return [401, "not signed"];
  }
  const [flow, what, said] = [flows[name], rest.at(-1), body.length > 0 ? JSON.parse(body) : {}];
  if (!order) {
    const event = said.event ?? what;
    flow.came[event] = (flow.came[event] ?? 0) + 1;
  }
  return [200, (await flow[what](said)) ?? {}];
}

const server = http.createServer((request, response) => {
  answer(request)
    .catch((error) => [500, `${error.stack}`])
    .then(([status, result]) => {
      const raw = Buffer.isBuffer(result);
      response.writeHead(status, { "Content-Type": raw ? "application/octet-stream" : "application/json;charset=utf-8" });
      response.end(raw ? result : JSON.stringify(result));
    });
});
server.listen(0, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
