// The lanes: who speaks when, on a canvas that is as large as what is in view of them, in time and of people.

const canvas = document.getElementById("canvas");
const overview = document.getElementById("overview");
const grid = document.getElementById("grid");
const playhead = document.getElementById("playhead");
const tip = document.getElementById("tip");
const AXIS = 28, LANE = 46, OVERVIEW = 28; // pixels; as in the style sheet
const LEAST = 0.5; // seconds on display at the closest
const view = { from: 0, to: duration };
let printing = false;

const starts = turns.map((turn) => turn.start);
const longest = turns.reduce((most, turn) => Math.max(most, turn.end - turn.start), 0);

function ink(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function sized(element, height) {
  const ratio = window.devicePixelRatio || 1;
  const width = element.clientWidth;
  element.style.height = `${height}px`;
  element.width = Math.round(width * ratio);
  element.height = Math.round(height * ratio);
  const draw = element.getContext("2d");
  draw.setTransform(ratio, 0, 0, ratio, 0, 0);
  return [draw, width];
}

let offset = 0; // what `scrolled` was at the last drawing
/** Pixels from the upper end of the first lane to that of the canvas. */
function scrolled() {
  return printing ? 0 : grid.scrollTop;
}

/** The upper end of a person's lane on the canvas; null where it is not in view. */
function topOf(name, height) {
  const lane = laneOf.get(name);
  if (lane === undefined) return null;
  const top = AXIS + lane * LANE - offset;
  return top + LANE > AXIS && top < height ? top : null;
}

function drawLanes() {
  offset = scrolled(); // once: a browser may have to lay out the page to tell
  const whole = AXIS + LANE * Math.max(lanes.length, 1);
  const room = grid.clientHeight - OVERVIEW;
  const height = printing || room < 1 ? whole : Math.min(whole, room);
  const [draw, width] = sized(canvas, height);
  const x = (time) => ((time - view.from) / (view.to - view.from)) * width;
  drawAxis(draw, x, width, height);
  draw.save();
  draw.beginPath();
  draw.rect(0, AXIS, width, height - AXIS);
  draw.clip();
  draw.fillStyle = ink("line");
  for (let top = AXIS - (offset % LANE); top < height; top += LANE) draw.fillRect(0, top, width, 1);
  drawSeen(draw, x, height);
  for (let i = firstAfter(starts, view.from - longest - 0.001); i < turns.length; i++) {
    if (turns[i].start > view.to) break;
    const top = turns[i].end >= view.from ? topOf(turns[i].speaker, height) : null;
    if (top !== null) drawTurn(draw, turns[i], x, width, top + 9);
  }
  if (!people.length) {
    draw.fillStyle = ink("soft");
    draw.fillText("Nobody is heard or seen in this file.", 12, AXIS + LANE / 2);
  }
  draw.restore();
  drawOverview();
  placePlayhead();
}

function drawSeen(draw, x, height) {
  draw.globalAlpha = 0.65;
  for (const track of tracks) {
    const [first, last] = [track.times[0], lastOf(track.times)];
    if (track.speaker === null || last === undefined || last < view.from || first > view.to) continue;
    const top = topOf(track.speaker, height);
    if (top === null) continue;
    draw.fillStyle = colour(track.speaker);
    draw.fillRect(x(first), top + LANE - 8, Math.max(x(last) - x(first), 1), 3);
  }
  draw.globalAlpha = 1;
}

function drawTurn(draw, turn, x, width, top) {
  const left = Math.max(x(turn.start), -4);
  const right = Math.min(Math.max(x(turn.end), x(turn.start) + 1.5), width + 4);
  draw.fillStyle = draw.strokeStyle = colour(turn.speaker);
  if (right - left < 4) {
    draw.globalAlpha = turn.unknown ? 0.6 : 1;
    draw.fillRect(left, top, right - left, LANE - 22);
    draw.globalAlpha = 1;
    return;
  }
  draw.beginPath();
  draw.roundRect(left, top, right - left, LANE - 22, 4);
  if (!turn.unknown) draw.fill();
  else { // hollow: a number stands for a name
    draw.globalAlpha = 0.35;
    draw.fill();
    draw.globalAlpha = 1;
    draw.stroke();
  }
}

function drawAxis(draw, x, width, height) {
  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 36000];
  const least = ((view.to - view.from) / Math.max(width, 1)) * 84;
  const step = steps.find((each) => each >= least) ?? lastOf(steps) * Math.ceil(least / lastOf(steps));
  draw.font = "12px system-ui, sans-serif";
  draw.textBaseline = "middle";
  for (let mark = Math.ceil(view.from / step); mark * step <= view.to; mark++) {
    const left = x(mark * step);
    draw.fillStyle = ink("line");
    draw.fillRect(left, AXIS - 6, 1, height);
    draw.fillStyle = ink("soft");
    draw.fillText(clock(mark * step, step < 1 ? 1 : 0), left + 4, AXIS / 2);
  }
}

function drawOverview() {
  const [draw, width] = sized(overview, OVERVIEW);
  const x = (time) => (time / duration) * width;
  const lane = 22 / Math.max(lanes.length, 1);
  for (const turn of turns) {
    draw.fillStyle = colour(turn.speaker);
    const top = 3 + (laneOf.get(turn.speaker) ?? 0) * lane;
    draw.fillRect(x(turn.start), top, Math.max(x(turn.end) - x(turn.start), 0.7), Math.max(lane - 1, 1));
  }
  if (view.to - view.from < duration) {
    draw.globalAlpha = 0.72;
    draw.fillStyle = ink("card");
    draw.fillRect(0, 0, x(view.from), 28);
    draw.fillRect(x(view.to), 0, width, 28);
    draw.globalAlpha = 1;
    draw.strokeStyle = ink("accent");
    draw.lineWidth = 2;
    draw.strokeRect(x(view.from) + 1, 1, Math.max(x(view.to) - x(view.from) - 2, 2), 26);
  }
}

function placePlayhead() {
  const share = (now() - view.from) / (view.to - view.from);
  playhead.hidden = !(share >= 0 && share <= 1);
  playhead.style.transform = `translateX(${share * canvas.clientWidth}px)`;
}

let asked = false;
function redraw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => { asked = false; drawLanes(); });
}

function show(from, span) {
  span = Math.min(Math.max(span, Math.min(LEAST, duration)), duration);
  view.from = Math.min(Math.max(from, 0), duration - span);
  view.to = view.from + span;
  redraw();
}

function zoom(factor, around = viewed(now()) ? now() : (view.from + view.to) / 2) {
  const span = (view.to - view.from) * factor;
  const share = (around - view.from) / (view.to - view.from);
  show(around - share * Math.min(Math.max(span, LEAST), duration), span);
}

function viewed(time) {
  return time >= view.from && time <= view.to;
}

/** Turns the page of the lanes when the time that plays has left them. */
function follow(time) {
  if (!viewed(time) && !dragged) show(time - (view.to - view.from) * 0.05, view.to - view.from);
}

function timeAt(event) {
  const area = canvas.getBoundingClientRect();
  return view.from + ((event.clientX - area.left) / area.width) * (view.to - view.from);
}

/** The position of the turn under the pointer, the shortest of several; -1 where there is none. */
function turnAt(event) {
  const area = canvas.getBoundingClientRect();
  const below = event.clientY - area.top - AXIS;
  const lane = below < 0 ? -1 : Math.floor((below + scrolled()) / LANE);
  const slack = ((view.to - view.from) / area.width) * 2;
  const time = timeAt(event);
  let found = -1;
  for (let i = firstAfter(starts, time - longest - slack); i < turns.length; i++) {
    const turn = turns[i];
    if (turn.start > time + slack) break;
    if (turn.end < time - slack || laneOf.get(turn.speaker) !== lane) continue;
    if (found < 0 || turn.end - turn.start < turns[found].end - turns[found].start) found = i;
  }
  return found;
}

let dragged = null; // where the pointer went down, and the view's start then
canvas.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  dragged = { x: event.clientX, from: view.from, moved: false };
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener("pointermove", (event) => {
  if (!dragged) return hover(event);
  const way = event.clientX - dragged.x;
  if (Math.abs(way) > 4) dragged.moved = true;
  if (!dragged.moved) return;
  tip.hidden = true;
  canvas.classList.add("moving");
  show(dragged.from - (way / canvas.clientWidth) * (view.to - view.from), view.to - view.from);
});
canvas.addEventListener("pointerup", (event) => {
  const clicked = dragged && !dragged.moved;
  dragged = null;
  canvas.classList.remove("moving");
  if (!clicked) return;
  const number = turnAt(event);
  if (number >= 0) goTo(turns[number].start, true);
  else goTo(timeAt(event));
});
canvas.addEventListener("pointercancel", () => { dragged = null; canvas.classList.remove("moving"); });
canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const aside = event.shiftKey && !event.deltaX ? event.deltaY : event.deltaX;
  const span = view.to - view.from;
  if (Math.abs(aside) > Math.abs(event.deltaY) || event.shiftKey) {
    show(view.from + (aside / canvas.clientWidth) * span, span);
  } else {
    const lines = event.deltaMode === 1 ? 30 : 1;
    zoom(Math.exp(Math.max(Math.min(event.deltaY * lines, 240), -240) * 0.002), timeAt(event));
  }
}, { passive: false });

function hover(event) {
  const number = turnAt(event);
  canvas.classList.toggle("block", number >= 0);
  tip.hidden = number < 0;
  if (number < 0) return;
  const turn = turns[number];
  const unseen = tracks.length && turn.track === null ? ", not seen speaking" : "";
  tip.replaceChildren(make("bdi", {}, turn.speaker),
    ` ${clock(turn.start, 1)} to ${clock(turn.end, 1)} (${length(turn.end - turn.start)}${unseen})`);
  const area = document.getElementById("track").getBoundingClientRect();
  const left = Math.min(event.clientX - area.left + 12, area.width - tip.offsetWidth - 4);
  tip.style.left = `${Math.max(left, 0)}px`;
  tip.style.top = `${Math.max(event.clientY - area.top - 34, 0)}px`;
}

function moveOverview(event) {
  if (!event.buttons) return;
  const area = overview.getBoundingClientRect();
  const [time, span] = [((event.clientX - area.left) / area.width) * duration, view.to - view.from];
  show(time - span / 2, span);
}
overview.addEventListener("pointerdown", (event) => {
  overview.setPointerCapture(event.pointerId);
  moveOverview(event);
});
overview.addEventListener("pointermove", moveOverview);
