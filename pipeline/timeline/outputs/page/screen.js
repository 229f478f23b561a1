// The player, and the names and boxes over its picture.

const screen_ = document.getElementById("screen");
const trouble = document.getElementById("trouble");
const nowLine = document.getElementById("now");
const showBoxes = document.getElementById("show-boxes");
const isVideo = Boolean(data.size);
const player = data.media.name ? make(isVideo ? "video" : "audio", {
  controls: "", preload: "metadata", controlslist: "nofullscreen", // which would show the picture without names
}) : null;
const boxes = make("canvas");
let playable = player !== null;
let cursor = 0; // seconds, where nothing can be played

function now() {
  return playable && player.readyState ? player.currentTime : cursor;
}

/** Goes to a time in seconds, and plays from there. */
function goTo(time, plays = false) {
  cursor = Math.min(Math.max(time, 0), duration);
  if (playable) {
    player.currentTime = cursor + (plays ? 0.001 : 0); // past a boundary that lies a rounding before
    if (plays) player.play().catch(() => {});
  }
  follow(cursor);
  update();
}

function togglePlay() {
  if (!playable) return;
  if (player.paused) player.play().catch(() => {});
  else player.pause();
}

/** Shows the picture with names and boxes on the whole screen, or no longer. */
function toggleFull() {
  if (document.fullscreenElement) document.exitFullscreen();
  else if (isVideo && playable) screen_.requestFullscreen?.();
}

function startPlayer() {
  if (!player) return complain("There is no video or sound beside this page.");
  screen_.append(player);
  if (isVideo) screen_.append(boxes);
  const embedded = document.getElementById("embedded").textContent;
  player.addEventListener("error", cannotPlay);
  player.addEventListener("loadedmetadata", () => {
    playable = true;
    trouble.hidden = true;
    screen_.hidden = false;
    if (isVideo && !player.videoWidth) complain("This browser plays the sound of the video, and cannot show its picture.");
    if (cursor) player.currentTime = cursor;
    update();
  });
  for (const event of ["seeked", "play", "pause", "timeupdate"]) player.addEventListener(event, update);
  player.addEventListener("play", tick);
  player.src = embedded ? URL.createObjectURL(unpacked(embedded)) : data.media.url;
}

/** The file that the page holds, from base64. */
function unpacked(text) {
  const PIECE = 1 << 20; // a multiple of four letters
  const parts = [];
  for (let at = 0; at < text.length; at += PIECE) {
    parts.push(Uint8Array.from(atob(text.slice(at, at + PIECE)), (letter) => letter.charCodeAt(0)));
  }
  return new Blob(parts, { type: data.media.type });
}

function cannotPlay() {
  playable = false;
  screen_.hidden = true;
  complain(
    `${data.media.name} cannot be played here: either it is no longer where this page looks for it, ` +
    "or the browser does not know its format (a copy as MP4 would do). The lanes work without it. You may choose the file:",
    true,
  );
}

function complain(text, offersChoice = false) {
  trouble.hidden = false;
  trouble.replaceChildren(text);
  if (!offersChoice) return;
  const choice = make("input", { type: "file", "aria-label": "Video or sound file" });
  choice.addEventListener("change", () => {
    if (choice.files.length) player.src = URL.createObjectURL(choice.files[0]);
  });
  trouble.append(choice);
}

let shown = null; // who speaks on display, as text
function update() {
  const time = now();
  if (playable && player.readyState) cursor = time;
  placePlayhead();
  const faces = facesAt(time);
  drawBoxes(faces);
  const current = turnsAt(time);
  const seen = new Set(faces.map((each) => each.name));
  const unseen = current.map((number) => isAbsent(turns[number], time, seen));
  const state = `${current} ${unseen}`;
  if (state === shown) return;
  shown = state;
  nowLine.replaceChildren(...current.map((number, place) => {
    const { speaker } = turns[number];
    const aside = tracks.length && unseen[place] ? [make("small", {}, "not in the picture")] : [];
    return make("span", { class: "chip" }, dot(speaker), nameOf(speaker), ...aside);
  }));
  highlight(current);
}

function tick() {
  update();
  if (player.paused || player.ended) return;
  follow(player.currentTime);
  requestAnimationFrame(tick);
}

function drawBoxes(faces) {
  if (!isVideo) return;
  const [wide, high] = [player.clientWidth, player.clientHeight];
  const ratio = window.devicePixelRatio || 1;
  if (boxes.width !== Math.round(wide * ratio) || boxes.height !== Math.round(high * ratio)) {
    [boxes.width, boxes.height] = [Math.round(wide * ratio), Math.round(high * ratio)];
    [boxes.style.width, boxes.style.height] = [`${wide}px`, `${high}px`];
  }
  const draw = boxes.getContext("2d");
  draw.setTransform(ratio, 0, 0, ratio, 0, 0);
  draw.clearRect(0, 0, wide, high);
  if (!showBoxes.checked || !playable || !player.videoWidth) return;
  const scale = Math.min(wide / player.videoWidth, high / player.videoHeight);
  const [width, height] = [player.videoWidth * scale, player.videoHeight * scale];
  const [left, top] = [(wide - width) / 2, (high - height) / 2];
  for (const { box, name, speaks } of faces) {
    const [x1, y1] = [left + box[0] * width, top + box[1] * height];
    const [x2, y2] = [left + box[2] * width, top + box[3] * height];
    drawFace(draw, [x1, y1, x2 - x1, y2 - y1], name, speaks);
  }
}

function drawFace(draw, [x, y, width, height], name, speaks) {
  draw.lineWidth = speaks ? 4 : 2;
  draw.strokeStyle = colour(name);
  draw.setLineDash(person.get(name)?.unknown ? [7, 5] : []);
  draw.shadowColor = "rgb(0 0 0 / .6)";
  draw.shadowBlur = 3;
  draw.strokeRect(x, y, width, height);
  draw.shadowBlur = 0;
  if (name === null) return;
  draw.font = `${speaks ? 700 : 500} 14px system-ui, "Noto Sans", "Noto Sans Arabic", sans-serif`;
  draw.textBaseline = "middle";
  const wide = draw.measureText(name).width + 14;
  const [left, top] = [Math.max(x - draw.lineWidth / 2, 0), y < 26 ? y + height + 3 : y - 25];
  draw.fillStyle = speaks ? colour(name) : "rgb(20 22 25 / .78)";
  draw.fillRect(left, top, wide, 23);
  draw.fillStyle = speaks ? data.ink[person.get(name).index % data.ink.length] : "#fff";
  draw.fillText(name, left + 7, top + 12);
}
