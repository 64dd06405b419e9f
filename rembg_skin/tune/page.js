// The page: draws a method's settings, sends what was changed, and shows what comes back.

const find = (selector) => document.querySelector(selector);
const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

history.replaceState(null, "", location.pathname); // the token is in a cookie by now: bookmarks need not hold it

async function ask(path, body) {
  const answer = await fetch(path, body === undefined ? {} : { method: "POST", body });
  if (answer.ok) return answer;
  const told = await answer.text();
  throw new Error(answer.status === 400 ? JSON.parse(told).error : told);
}

const start = await (await ask("start")).json();
let photo = null;
const values = {}; // of each method

// Settings

function control(method, extra) {
  const name = extra.name;
  const set = (value) => {
    values[method][name] = value;
    update();
  };
  const help = make("small", { textContent: extra.help });
  const number = (type, label) => make("input", {
    type, min: extra.low, max: extra.high, step: extra.step, value: extra.value, ariaLabel: `${label} for ${name}`,
  });
  if (extra.kind === "slider") {
    const [box, slider] = [number("number", "number input"), number("range", "range slider")];
    for (const [one, other] of [[box, slider], [slider, box]]) {
      one.oninput = () => {
        other.value = one.value;
        set(one.value === "" ? null : Number(one.value));
      };
    }
    return make("div", {}, make("b", { textContent: name }), box, help, slider);
  }
  if (extra.kind === "words") return make("div", {}, radios(name, extra.words, extra.value, set, method), help);
  if (extra.kind === "switch") {
    const box = make("input", { type: "checkbox", checked: extra.value, onchange: () => set(box.checked) });
    return make("div", {}, make("label", {}, box, name), help);
  }
  const options = [new Option("default", ""), ...extra.choices.map((choice) => new Option(choice))];
  const change = () => set(list.value === "" ? null : Number(list.value));
  const list = make("select", { ariaLabel: name, onchange: change }, ...options);
  return make("div", {}, make("label", {}, make("b", { textContent: name }), " ", list), help);
}

function radios(name, words, chosen, set, group = "") {
  const buttons = words.map((word) => make("label", {}, make("input", {
    type: "radio", name: group + name, checked: word === chosen, onchange: () => set(word),
  }), word));
  return make("fieldset", {}, make("legend", { textContent: name }), ...buttons);
}

function panel(method) {
  values[method] = {};
  const reset = make("button", { textContent: "Defaults", onclick: () => {
    find(`#${method}`).replaceWith(panel(method));
    show();
  } });
  const controls = start.methods[method].map((extra) => control(method, extra));
  return make("div", { id: method, className: "panel" }, ...controls, reset);
}

function show() {
  for (const one of document.querySelectorAll(".panel")) one.hidden = one.id !== find("#method").value;
  update();
}

// What comes back

let what = "cutout";
let shell = start.shell;
let running = false;
let again = false;

const request = () => {
  const method = find("#method").value;
  return { photo, method, values: values[method], what, shell };
};

async function update() {
  again = true;
  if (running) return; // a slider never lags behind its last position
  running = true;
  while (again) {
    again = false;
    find("#shown").classList.add("busy");
    try {
      const shown = await (await ask("update", JSON.stringify(request()))).json();
      for (const name of ["mask", "cutout", "overlay"]) picture(`#${name} img`, shown.pictures[name]);
      find("#command pre").textContent = shown.command;
      find("#python pre").textContent = shown.python;
      tell(shown.line);
    } catch (error) {
      tell(`${error.message} The pictures and the command are those before this change.`, true);
    }
  }
  find("#shown").classList.remove("busy");
  running = false;
}

function picture(selector, source) {
  Object.assign(find(selector), { hidden: !source, ...(source && { src: source }) });
}

function tell(text, wrong = false) {
  Object.assign(find("#line"), { textContent: text, className: wrong ? "wrong" : "" });
}

// Photos

function take(given) {
  photo = given.key;
  start.name = given.name;
  picture("#photo img", given.preview);
}

async function upload(file) {
  if (!file) return;
  try {
    take(await (await ask(`upload?name=${encodeURIComponent(file.name || "photo.png")}`, file)).json());
    update();
  } catch (error) {
    tell(error.message, true);
  }
}

async function camera() {
  const video = find("#photo video");
  if (video.hidden) {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: true }).catch((error) => tell(error.message, true));
    video.hidden = !video.srcObject;
  } else {
    const canvas = make("canvas", { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    canvas.toBlob((blob) => upload(new File([blob], "camera.png")));
    for (const track of video.srcObject.getTracks()) track.stop();
    video.hidden = true;
  }
  find("#camera").textContent = video.hidden ? "Camera" : "Take it";
}

async function download(kind) {
  try {
    const file = await (await ask("download", JSON.stringify({ ...request(), what: kind }))).blob();
    const stem = start.name.split(/[\\/]/).pop().replace(/\.[^.]*$/, "");
    make("a", { href: URL.createObjectURL(file), download: `${stem}.${kind === "mask" ? "mask" : "cut"}.png` }).click();
  } catch (error) {
    tell(error.message, true);
  }
}

find("#limits").textContent = start.limits;
find("#method").append(...Object.keys(start.methods).map((method) => new Option(method)));
find("#method").onchange = show;
find("#controls").append(...Object.keys(start.methods).map(panel));
find("#choices").append(
  radios("Write the", ["cutout", "mask"], what, (word) => { what = word; update(); }),
  radios("For", start.shells, shell, (word) => { shell = word; update(); }),
);
find("#photo input").onchange = (event) => upload(event.target.files[0]);
find("#camera").onclick = camera;
document.onpaste = (event) => upload(event.clipboardData.files[0]);
document.ondragover = (event) => event.preventDefault();
document.ondrop = (event) => {
  event.preventDefault();
  upload(event.dataTransfer.files[0]);
};
for (const button of document.querySelectorAll("[data-what]")) button.onclick = () => download(button.dataset.what);
for (const figure of document.querySelectorAll("figure:has(pre)")) {
  figure.querySelector("button").onclick = () => navigator.clipboard.writeText(figure.querySelector("pre").textContent);
}
for (const image of document.querySelectorAll("#pictures img")) {
  image.onclick = () => (document.fullscreenElement ? document.exitFullscreen() : image.requestFullscreen());
}
if (start.photo) take(start.photo);
show();
