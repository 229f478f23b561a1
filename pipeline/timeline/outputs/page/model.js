// The timeline, and quick ways to ask it who speaks and who is seen at a time.

const data = JSON.parse(document.getElementById("data").textContent);
// Told apart by people with any kind of colour vision; the order of Okabe and Ito, without black.
const COLOURS = data.colours;
const people = data.speakers;
const turns = [...data.turns].sort((a, b) => a.start - b.start);
const tracks = data.tracks;
const person = new Map(people.map((each, index) => [each.name, { ...each, index }]));
const colour = (name) => (person.has(name) ? COLOURS[person.get(name).index % COLOURS.length] : "#8a929b");
const lastOf = (list) => list[list.length - 1];
const duration = Math.max(
  data.duration ?? 0,
  0.001,
  turns.reduce((latest, turn) => Math.max(latest, turn.end), 0),
  tracks.reduce((latest, track) => Math.max(latest, lastOf(track.times) ?? 0), 0),
);

// Who has a lane. Of many people, those without a name who say nothing wait until they are asked for.
const FEW = 12, PRINTED = 18;
const speakers = new Set(turns.map((turn) => turn.speaker));
const silent = people.filter((each) => each.unknown && !speakers.has(each.name));
const folds = people.length > FEW && silent.length > 0;
let folded = folds;
let lanes = []; // of `people`
const laneOf = new Map(); // by name
function chooseLanes(printing = false) {
  const hidden = new Set(folded ? silent.map((each) => each.name) : []);
  lanes = people.filter((each) => !hidden.has(each.name));
  if (printing && lanes.length > PRINTED) { // those who say most: paper has no end of lanes
    const most = new Set([...lanes].sort((a, b) => b.seconds - a.seconds).slice(0, PRINTED));
    lanes = lanes.filter((each) => most.has(each));
  }
  laneOf.clear();
  lanes.forEach((each, lane) => laneOf.set(each.name, lane));
}
chooseLanes();

// Turns and tracks by the tens of seconds that they touch.
const STEP = 10;
function indexed(items, startOf, endOf) {
  const bins = new Map();
  items.forEach((item, number) => {
    for (let bin = Math.floor(startOf(item) / STEP); bin <= Math.floor(endOf(item) / STEP); bin++) {
      if (!bins.has(bin)) bins.set(bin, []);
      bins.get(bin).push(number);
    }
  });
  return (time) => bins.get(Math.floor(time / STEP)) ?? [];
}
const BEFORE = 0.1, AFTER = 0.25; // seconds that a face stays on display beside the looks at it
const near = indexed(turns, (turn) => turn.start, (turn) => turn.end);
const nearTracks = indexed(
  tracks.map((track) => ({ ...track, first: track.times[0] ?? 0, last: lastOf(track.times) ?? -1 })),
  (track) => track.first - BEFORE,
  (track) => track.last + AFTER,
);

/** Positions of the turns at a time. */
function turnsAt(time) {
  return near(time).filter((number) => turns[number].start <= time && time < turns[number].end);
}

/** Faces at a time: box in parts of the picture, name or null, and whether it is the one who speaks. */
function facesAt(time) {
  const speaking = new Set(
    turnsAt(time).filter((number) => turns[number].track !== null).map((number) => turns[number].speaker),
  );
  return nearTracks(time).flatMap((number) => {
    const { times, boxes, speaker } = tracks[number];
    const box = boxAt(times, boxes, time);
    return box ? [{ box, name: speaker, speaks: speaking.has(speaker) }] : [];
  }).sort((a, b) => a.speaks - b.speaks); // those who speak are drawn over the others
}

/** Whether who speaks in a turn is not in the picture, also of a face that is seen speaking at another time of it. */
function isAbsent(turn, time, seen) {
  if (seen.has(turn.speaker)) return false;
  const times = turn.track === null ? [] : tracks[turn.track].times;
  return !(times.length && times[0] - BEFORE <= time && time <= lastOf(times) + AFTER);
}

function boxAt(times, boxes, time) {
  const next = firstAfter(times, time);
  if (next === 0) return times.length && times[0] - time <= BEFORE ? boxes[0] : null;
  const [before, after] = [times[next - 1], times[next]];
  if (next === times.length || after - before > 1) {
    return time - before <= AFTER ? boxes[next - 1] : null;
  }
  const share = (time - before) / (after - before);
  return boxes[next - 1].map((side, index) => side + share * (boxes[next][index] - side));
}

/** The position of the first of rising `values` that is greater than `value`. */
function firstAfter(values, value) {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** 75.25 as 1:15, or 1:15.25 with two decimals. */
function clock(time, decimals = 0) {
  const whole = Number(time.toFixed(decimals));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const seconds = (whole % 60).toFixed(decimals).padStart(decimals ? decimals + 3 : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}` : `${minutes}:${seconds}`;
}

/** 75 as "1 min 15 s". */
function length(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 3570) return `${Math.round(whole / 60)} min`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** An element with attributes, and text or elements in it; text is never read as HTML. */
function make(tag, attributes = {}, ...content) {
  const element = document.createElement(tag);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  element.append(...content);
  return element;
}

function dot(name) {
  const filled = !person.get(name)?.unknown;
  const mark = make("span", { class: "dot" });
  mark.style.borderColor = colour(name);
  if (filled) mark.style.background = colour(name);
  return mark;
}

function nameOf(name) {
  const unknown = person.get(name)?.unknown;
  return make("span", { class: unknown ? "name unknown" : "name", dir: "auto" }, name);
}
