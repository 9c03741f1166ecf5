"use strict";

const PAUSE_MS = 500;
const element = (id) => document.getElementById(id);
const WORDS = {
  live: "live",
  stalled: "stalled",
  "hung up": "hung up: the publisher has died",
  gone: "gone: the publisher has closed it",
  poisoned: "damaged",
  absent: "no such channel",
};

function show(id, text) {
  element(id).textContent = text;
}

function row(cells) {
  const line = document.createElement("tr");
  for (const cell of cells) line.insertCell().append(cell);
  return line;
}

function bar(part) {
  const line = document.createElement("div");
  line.className = "bar";
  line.style.width = `${100 * part}%`;
  return line;
}

function stateInWords({ state, problem, channel }) {
  if (problem) return problem;
  if (state !== "stalled" || !channel) return WORDS[state];
  const age = channel.seconds_since_last_frame;
  return age === null ? "no frame yet" : `stalled for ${Math.round(age)} s`;
}

function showState(state, text) {
  element("state").dataset.state = state;
  // Only changes, or a screen reader would read it out again and again.
  if (element("state").textContent !== text) show("state", text);
  element("picture").parentElement.classList.toggle("old", state !== "live");
}

function showHistogram(histogram) {
  const all = histogram.reduce((sum, { frames }) => sum + frames, 0);
  let from = 0;
  element("histogram").replaceChildren(...histogram.map(({ below_ms: below, frames }) => {
    const range = below === null ? `${from} and more` : `${from} to ${below}`;
    from = below;
    return row([range, frames, bar(frames / Math.max(all, 1))]);
  }));
}

function showUsers(users) {
  element("users").replaceChildren(...users.map((user) => row([
    user.pid,
    user.program || "unknown",
    new Date(user.joined_unix_ns / 1e6).toLocaleTimeString(),
    user.frames_written,
    user.frames_held,
    user.frames_held ? user.lag : "–",
  ])));
}

function showStatistics(statistics) {
  const { name, channel, latency_ms: latency } = statistics;
  document.title = `${name}: pywinmmf view`;
  show("name", name);
  showState(statistics.state, stateInWords(statistics));
  show("fps", statistics.frames_per_second.toFixed(1));
  show("megabytes", statistics.megabytes_per_second.toFixed(1));
  show("frames", statistics.frames);
  show("missed", statistics.missed);
  show("latency", latency.median === null
    ? "none yet"
    : `median ${latency.median} ms, 99 % within ${latency.p99} ms, worst ${latency.worst} ms`);
  showHistogram(latency.histogram);
  showUsers(channel ? channel.users : []);
  show("description", channel
    ? `${channel.width} × ${channel.height} ${channel.format}, frame ${channel.sequence}, ` +
      `${channel.slots} slots of ${channel.capacity} bytes, ${channel.namespace}`
    : "");
}

// Over and over: the channel, and the server itself, may go and come back.
async function follow() {
  let connected = false;
  for (;;) {
    try {
      const response = await fetch("statistics.json");
      if (!response.ok) throw new Error(response.statusText);
      if (!connected) element("picture").src = `picture?${Date.now()}`;
      connected = true;
      showStatistics(await response.json());
    } catch (error) {
      connected = false;
      showState("absent", "pywinmmf view has ended");
    }
    await new Promise((done) => setTimeout(done, PAUSE_MS));
  }
}

follow();
