"use strict";
(() => {
  const PERIOD = 2000;
  const LONGEST_PAUSE = 30000;
  const RATE_WINDOW = 300000;
  const SVG = "http://www.w3.org/2000/svg";
  const root = document.documentElement;
  const live = document.getElementById("live");
  const button = document.getElementById("pause");
  // For each row: the last value with its time, and the rates of the last five minutes.
  let past = new Map();
  let pause = PERIOD;
  let paused = false;
  let busy = false;
  let lost = "";
  let timer;
  // Time at which the pending confirmation ends.
  let deadline = 0;

  // Screen readers speak every assignment, so an equal text is not assigned again.
  const say = (text) => {
    if (live.textContent !== text) live.textContent = text;
  };

  // Child nodes that the daemon wrote.
  const served = (node) => [...node.childNodes].filter((child) => child.className !== "own");

  // Changes `old` into `now`. Equal nodes stay, so that focus, selection and reading position stay.
  const patch = (old, now) => {
    if (old.nodeName !== now.nodeName) return old.replaceWith(now);
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== now.data) old.data = now.data;
      return;
    }
    for (const { name } of [...old.attributes]) {
      // Rows that the reader unfolded stay so.
      if (!now.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    }
    for (const { name, value } of now.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    const [olds, news] = [old, now].map(served);
    news.forEach((child, at) => (olds[at] ? patch(olds[at], child) : old.append(child)));
    olds.slice(news.length).forEach((child) => child.remove());
  };

  const short = (rate) => {
    const size = Math.abs(rate);
    return (size < 10 ? +rate.toFixed(1) : size < 1e10 ? Math.round(rate).toLocaleString("fr") : rate.toExponential(1)) + "/s";
  };

  const add = (parent, name, attributes) => {
    const child = document.createElementNS(SVG, name);
    for (const key in attributes) child.setAttribute(key, attributes[key]);
    parent.append(child);
    return child;
  };

  // Draws the rates of a row into a cell of its own: a line from 0 or the lowest rate up to the highest, which is labelled.
  const draw = (row, rates, at, isVerdict) => {
    let cell = row.querySelector(".own");
    if (!cell) {
      cell = row.insertCell();
      cell.className = "own";
      if (!isVerdict) cell.append(document.createElement("span"));
      const line = add(cell, "svg", { viewBox: "0 0 300 24", preserveAspectRatio: "none", role: "img" });
      add(line, "polygon");
      add(line, "polyline");
      cell.append(document.createElement("small"));
    }
    const [text, line, scale] = isVerdict ? [null, ...cell.children] : cell.children;
    const all = rates.map(({ rate }) => rate);
    const [low, high] = [Math.min(0, ...all), Math.max(0, ...all)];
    const x = (point) => (300 - (at - point.at) / 1000).toFixed(1);
    const y = (point) => (23 - (22 * (point.rate - low)) / (high - low || 1)).toFixed(1);
    const points = rates.map((point) => `${x(point)},${y(point)}`).join(" ");
    scale.textContent = `max ${short(high)}`;
    if (text) text.textContent = all.length ? short(all.at(-1)) : "";
    line.setAttribute("aria-label", `last 5 minutes: ${short(low)} to ${short(high)}`);
    line.lastChild.setAttribute("points", points);
    line.firstChild.setAttribute("points", all.length ? `${x(rates[0])},24 ${points} 300,24` : "");
  };

  // Values may exceed 2^53 and are subtracted as BigInt; a difference fits a Number well enough.
  const measure = () => {
    const at = performance.now();
    const next = new Map();
    for (const row of document.querySelectorAll("tbody tr")) {
      const isVerdict = row.closest(".verdicts");
      // A new program has a new id and counts from zero.
      const name = `${row.closest("[data-id]").dataset.id} ${row.cells[0].textContent}`;
      const value = BigInt(row.cells[isVerdict ? 3 : 1].textContent);
      const before = past.get(name);
      const rates = before ? before.rates.filter((point) => at - point.at < RATE_WINDOW) : [];
      if (before && at > before.at) {
        rates.push({ at, rate: (Number(value - before.value) * 1000) / (at - before.at) });
      }
      next.set(name, { at, value, rates });
      if (!row.closest("details")) draw(row, rates, at, isVerdict);
    }
    past = next;
  };

  const count = () => {
    const left = document.getElementById("left");
    if (left) left.textContent = Math.max(0, Math.round((deadline - performance.now()) / 1000));
  };

  // Takes over the seconds left, as the daemon wrote them.
  const begin = () => {
    const left = document.getElementById("left");
    if (left) deadline = performance.now() + left.textContent * 1000;
  };

  const plan = (delay) => {
    clearTimeout(timer);
    if (!paused && !document.hidden) timer = setTimeout(refresh, delay);
  };

  const apply = (text) => {
    const page = new DOMParser().parseFromString(text, "text/html");
    const main = page.querySelector("main");
    if (!main) throw new Error("another page");
    patch(document.querySelector("main"), main);
    document.title = page.title;
    root.classList.remove("stale");
    pause = PERIOD;
    lost = "";
    begin();
    measure();
    say(paused ? "Paused" : `Refreshed every ${PERIOD / 1000} s`);
  };

  const markStale = () => {
    lost ||= new Date().toISOString().slice(0, 19).replace("T", " ");
    root.classList.add("stale");
    document.title = document.title.replace(/: .*/, ": no answer - corexdp");
    pause = Math.min(2 * pause, LONGEST_PAUSE);
    say(`No answer since ${lost}Z. The values below are old, and the state of the filters is unknown. Retrying.`);
  };

  const refresh = async () => {
    if (busy) return;
    busy = true;
    try {
      const answer = await fetch("/", { cache: "no-store", signal: AbortSignal.timeout(5000) });
      if (!answer.ok) throw new Error(answer.statusText);
      apply(await answer.text());
    } catch {
      markStale();
    }
    busy = false;
    plan(pause);
  };

  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? "Resume" : "Pause";
    if (paused) say("Paused");
    plan(0);
  });
  document.addEventListener("visibilitychange", () => plan(0));
  root.classList.add("live");
  begin();
  setInterval(count, 1000);
  measure();
  plan(PERIOD);
})();
