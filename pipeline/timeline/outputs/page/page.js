// The list, the labels and the keys: everything that is not drawn.

const list = document.getElementById("turns");
const filter = document.getElementById("filter");
const labels = new Map();
let rows = new Map(); // by the position of the turn

function count(number, one, many) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

function fillTexts() {
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
  document.getElementById("switch").hidden = !tracks.length;
  document.getElementById("legend").hidden = !tracks.length;
}

function face(each) {
  const shown = each.picture
    ? make("img", { class: "face", alt: "", src: `data:image/jpeg;base64,${each.picture}` })
    : make("span", { class: "face", "aria-hidden": "true" }, each.unknown ? "?" : [...each.name][0] ?? "?");
  shown.style.borderColor = colour(each.name);
  return shown;
}

function about(each) {
  if (each.seconds > 0) return `speaks ${length(each.seconds)}`;
  return each.seen_seconds > 0 ? `seen ${length(each.seen_seconds)}` : "";
}

function title(each) {
  const sure = each.probability === null ? "" : `, ${Math.round(each.probability * 100)} % sure`;
  const how = each.unknown ? "Nobody whom the model knows" : each.named_by ? `Named by ${each.named_by}${sure}` : "";
  return [each.name, how, ...each.notes].filter(Boolean).join("\n");
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
  rows = new Map();
  turns.forEach((turn, number) => {
    if (filter.value && turn.speaker !== filter.value) return;
    const row = make("li", {}, make("button", { "data-turn": number },
      make("time", {}, clock(turn.start)), dot(turn.speaker), nameOf(turn.speaker),
      make("small", {}, length(turn.end - turn.start))));
    rows.set(number, row);
  });
  const none = make("li", { class: "none" }, "No turns.");
  list.replaceChildren(...(rows.size ? rows.values() : [none]));
  labels.forEach((label, name) => label.setAttribute("aria-pressed", filter.value === name));
  highlight(turnsAt(now()));
}

list.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) goTo(turns[button.dataset.turn].start, true);
});

let marked = [];
function highlight(current) {
  marked.forEach((element) => element.classList.remove("current"));
  const speaking = new Set(current.map((number) => turns[number].speaker));
  const lines = current.map((number) => rows.get(number)).filter(Boolean);
  marked = [...lines, ...[...speaking].map((name) => labels.get(name))];
  marked.forEach((element) => element.classList.add("current"));
  if (lines.length && !list.matches(":hover")) {
    const [line, middle] = [lines[0], list.clientHeight / 2];
    list.scrollTop = line.offsetTop - list.firstElementChild.offsetTop - middle;
  }
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
showBoxes.addEventListener("change", update);
new ResizeObserver(() => { redraw(); update(); }).observe(document.getElementById("track"));
new ResizeObserver(update).observe(screen_);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

let before = null; // the view before printing, which shows the whole file
addEventListener("beforeprint", () => { before = { ...view }; [view.from, view.to] = [0, duration]; drawLanes(); });
addEventListener("afterprint", () => { if (before) show(before.from, before.to - before.from); });

startPlayer();
fillTexts();
fillLabels();
fillList();
drawLanes();
update();
