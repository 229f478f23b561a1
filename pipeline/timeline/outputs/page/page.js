// The list, the labels and the keys: everything that is not drawn.

const list = document.getElementById("turns");
const filter = document.getElementById("filter");
const labels = new Map(); // by name, of those who were in view
const names = document.getElementById("names");
const fold = document.getElementById("fold");
const rows = document.getElementById("rows");
const ROW = 30; // pixels; as in the style sheet
let listed = []; // positions of the turns in the list
let current = []; // of those on display now

function count(number, one, many) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

function fillTexts() {
  list.style.setProperty("--clock", `${clock(duration).length}ch`);
  document.getElementById("about").textContent = [
    length(duration), count(people.length, "person", "people") + (folds ? `, ${speakers.size.toLocaleString("en")} of whom speak` : ""),
    count(turns.length, "turn", "turns"),
  ].join(" · ");
  const error = document.getElementById("error");
  error.hidden = !data.error;
  error.textContent = data.error ?? "";
  const notes = [...data.notes, ...people.flatMap((each) => each.notes.map((note) => `${each.name}: ${note}`))];
  document.getElementById("notes").hidden = !notes.length;
  document.querySelector("#notes ul").append(...notes.map((note) => make("li", { dir: "auto" }, note)));
  canvas.setAttribute("aria-label", `Lanes of ${count(people.length, "person", "people")}; the list of turns says the same in text`);
  document.querySelectorAll(".of-picture").forEach((element) => { element.hidden = !isVideo; });
  document.querySelectorAll(".of-faces").forEach((element) => { element.hidden = !tracks.length; });
}

function face(each) {
  const shown = each.picture
    ? make("img", { class: "face", alt: "", src: `data:image/jpeg;base64,${each.picture}` })
    : make("span", { class: "face", "aria-hidden": "true" }, each.unknown ? "?" : [...each.name][0] ?? "?");
  shown.style.borderColor = colour(each.name);
  return shown;
}

function about(each) {
  if (each.seconds > 0) return length(each.seconds);
  return each.seen_seconds > 0 ? `seen ${length(each.seen_seconds)}` : "";
}

function title(each) {
  const sure = each.probability === null ? "" : `, ${Math.round(each.probability * 100)} % sure`;
  const how = each.unknown ? "Nobody whom the model knows" : each.named_by ? `Named by ${each.named_by}${sure}` : "";
  const long = each.seconds > 0 ? `Speaks ${length(each.seconds)}` : "Is not heard";
  return [each.name, how, long, ...each.notes].filter(Boolean).join("\n");
}

/** The label of a lane: a click shows the turns of this person alone, or goes to where somebody silent is seen. */
function label(each) {
  if (labels.has(each.name)) return labels.get(each.name);
  const speaks = speakers.has(each.name);
  const made = make("button", {
    title: title(each), "aria-label": speaks ? `Only the turns of ${each.name}` : `Go to where ${each.name} is seen`,
  }, face(each), make("span", { class: "text" }, nameOf(each.name), make("small", {}, about(each))));
  made.addEventListener("click", () => {
    if (!speaks) return goTo(tracks.find((track) => track.speaker === each.name)?.times[0] ?? now());
    filter.value = filter.value === each.name ? "" : each.name;
    fillList();
  });
  if (speaks) made.setAttribute("aria-pressed", filter.value === each.name);
  labels.set(each.name, made);
  return made;
}

function fillFilter() {
  filter.append(make("option", { value: "" }, "Everybody"),
    ...people.filter((each) => speakers.has(each.name)).map((each) => make("option", { value: each.name }, each.name)));
  filter.addEventListener("change", () => { fillList(); reveal(filter.value); });
  fold.hidden = !folds;
  fold.addEventListener("click", () => { folded = !folded; fillLanes(); });
}

/** Gives lanes to those who are to have one. */
function fillLanes() {
  const more = silent.length.toLocaleString("en");
  fold.textContent = folded ? `+ ${more} only seen` : `\u2212 ${more} only seen`;
  fold.setAttribute("aria-expanded", !folded);
  chooseLanes(printing);
  names.style.height = `${lanes.length * LANE}px`;
  drawLabels();
  drawLanes();
}

let inView = ""; // the lanes whose labels are there
/** Makes the labels that are in view, and a few more. */
function drawLabels() {
  const first = printing ? 0 : Math.max(Math.floor(grid.scrollTop / LANE) - 5, 0);
  const end = printing ? lanes.length : first + Math.ceil(grid.clientHeight / LANE) + 10;
  const wanted = lanes.slice(first, end);
  const state = wanted.map((each) => each.name).join("\n");
  if (state === inView) return;
  inView = state;
  const focused = document.activeElement;
  names.style.paddingTop = `${first * LANE}px`;
  names.replaceChildren(...wanted.map(label));
  if (names.contains(focused)) focused.focus({ preventScroll: true });
  mark();
}

/** Scrolls to the lane of a person where it is not in view. */
function reveal(name) {
  const lane = laneOf.get(name);
  if (lane === undefined) return;
  const room = grid.clientHeight - OVERVIEW - AXIS;
  if (lane * LANE < grid.scrollTop) grid.scrollTop = lane * LANE;
  else if ((lane + 1) * LANE > grid.scrollTop + room) grid.scrollTop = (lane + 1) * LANE - room;
}

function fillList() {
  listed = [...turns.keys()].filter((number) => !filter.value || turns[number].speaker === filter.value);
  labels.forEach((each, name) => { if (speakers.has(name)) each.setAttribute("aria-pressed", filter.value === name); });
  drawList();
  highlight(turnsAt(now()));
}

/** Makes the rows that are in view, and a few more. */
function drawList(all = printing) {
  const first = all ? 0 : Math.max(Math.floor(list.scrollTop / ROW) - 10, 0);
  const end = all ? listed.length : first + Math.ceil(list.clientHeight / ROW) + 20;
  rows.style.height = `${Math.max(listed.length, 1) * ROW}px`;
  rows.style.paddingTop = `${first * ROW}px`;
  rows.replaceChildren(...listed.slice(first, end).map(row));
  if (!listed.length) rows.append(make("li", { class: "none" }, "No turns."));
}

function row(number) {
  const turn = turns[number];
  return make("li", current.includes(number) ? { class: "current" } : {},
    make("button", { "data-turn": number }, make("time", {}, clock(turn.start)), dot(turn.speaker),
      nameOf(turn.speaker), make("small", {}, length(turn.end - turn.start))));
}

list.addEventListener("scroll", () => drawList());
list.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  goTo(turns[button.dataset.turn].start, true);
  reveal(turns[button.dataset.turn].speaker);
});

function highlight(numbers) {
  current = numbers;
  mark();
  const place = listed.indexOf(current.find((number) => listed.includes(number)));
  if (place >= 0 && !list.matches(":hover")) list.scrollTop = place * ROW - list.clientHeight / 2;
  drawList();
}

/** Marks those who speak now. */
function mark() {
  const speaking = new Set(current.map((number) => turns[number].speaker));
  labels.forEach((each, name) => each.classList.toggle("current", speaking.has(name)));
}

/** Goes to the turn before or after the time on display. */
function step(way) {
  const time = now();
  const next = way > 0 ? firstAfter(starts, time + 0.01) : firstAfter(starts, time - 0.6) - 1;
  if (turns[next]) goTo(turns[next].start);
}

const KEYS = {
  " ": togglePlay,
  k: togglePlay,
  ArrowLeft: () => goTo(now() - 5),
  ArrowRight: () => goTo(now() + 5),
  ArrowUp: () => step(-1),
  ArrowDown: () => step(1),
  "+": () => zoom(0.5),
  "=": () => zoom(0.5),
  "-": () => zoom(2),
  0: () => show(0, duration),
  b: () => showBoxes.click(),
  f: toggleFull,
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select, input[type=file]")) return;
  const act = KEYS[event.key] ?? KEYS[event.key.toLowerCase()];
  if (!act) return;
  event.preventDefault(); // also what a player with the focus would do with the key
  event.stopPropagation();
  act();
}, true);

document.getElementById("zoom-in").addEventListener("click", () => zoom(0.5));
document.getElementById("zoom-out").addEventListener("click", () => zoom(2));
document.getElementById("whole").addEventListener("click", () => show(0, duration));
document.getElementById("full").addEventListener("click", toggleFull);
showBoxes.addEventListener("change", update);
new ResizeObserver(() => { drawLabels(); redraw(); update(); }).observe(grid);
grid.addEventListener("scroll", () => { drawLabels(); redraw(); });
new ResizeObserver(update).observe(screen_);
new ResizeObserver(() => drawList()).observe(list);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

let before = null; // the view before printing, which shows the whole file
addEventListener("beforeprint", () => {
  before = { ...view };
  [view.from, view.to] = [0, duration];
  printing = true;
  fillLanes();
  drawList();
});
addEventListener("afterprint", () => {
  printing = false;
  fillLanes();
  show(before.from, before.to - before.from);
  drawList();
});

startPlayer();
fillTexts();
fillFilter();
fillList();
fillLanes();
update();
