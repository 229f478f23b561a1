// The list, the labels and the keys: everything that is not drawn.

const list = document.getElementById("turns");
const filter = document.getElementById("filter");
const labels = new Map();
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
    length(duration), count(people.length, "person", "people"), count(turns.length, "turn", "turns"),
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

function fillLabels() {
  for (const each of people) {
    const label = make("button", { title: title(each), "aria-label": `Only the turns of ${each.name}` }, face(each),
      make("span", { class: "text" }, nameOf(each.name), make("small", {}, about(each))));
    label.addEventListener("click", () => {
      filter.value = filter.value === each.name ? "" : each.name;
      fillList();
    });
    labels.set(each.name, label);
  }
  document.getElementById("labels").append(...labels.values());
  filter.append(make("option", { value: "" }, "Everybody"),
    ...people.map((each) => make("option", { value: each.name }, each.name)));
  filter.addEventListener("change", fillList);
}

function fillList() {
  listed = [...turns.keys()].filter((number) => !filter.value || turns[number].speaker === filter.value);
  labels.forEach((label, name) => label.setAttribute("aria-pressed", filter.value === name));
  drawList();
  highlight(turnsAt(now()));
}

/** Makes the rows that are in view, and a few more. */
function drawList(all = false) {
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
  if (button) goTo(turns[button.dataset.turn].start, true);
});

function highlight(numbers) {
  current = numbers;
  const speaking = new Set(current.map((number) => turns[number].speaker));
  labels.forEach((label, name) => label.classList.toggle("current", speaking.has(name)));
  const place = listed.indexOf(current.find((number) => listed.includes(number)));
  if (place >= 0 && !list.matches(":hover")) list.scrollTop = place * ROW - list.clientHeight / 2;
  drawList();
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
new ResizeObserver(() => { redraw(); update(); }).observe(document.getElementById("track"));
new ResizeObserver(update).observe(screen_);
new ResizeObserver(() => drawList()).observe(list);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

let before = null; // the view before printing, which shows the whole file
addEventListener("beforeprint", () => {
  before = { ...view };
  [view.from, view.to] = [0, duration];
  drawLanes();
  drawList(true);
});
addEventListener("afterprint", () => {
  show(before.from, before.to - before.from);
  drawList();
});

startPlayer();
fillTexts();
fillLabels();
fillList();
drawLanes();
update();
