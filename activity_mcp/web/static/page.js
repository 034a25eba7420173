// What the page does beyond its HTML, which is whole without this: it stays current, copies, says times in the reader's zone,
// draws time series with uPlot, and knows a few keys. No other file than those of this origin is ever asked for.
"use strict";
(() => {
  const main = () => document.getElementById("main");
  const AGAIN_MS = 1000, QUIET_MS = 15000;

  // --- times: the server says them in its zone, which is the reader's unless the page is read from elsewhere

  const zoneOf = (date) => -date.getTimezoneOffset();
  const serverZone = Number(document.documentElement.dataset.zone ?? "NaN");
  function sayTimes(root) {
    const now = new Date();
    if (Number.isNaN(serverZone) || zoneOf(now) === serverZone) return;
    for (const time of root.querySelectorAll("time[datetime]:not([data-age])")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      time.textContent = /:\d\d:/.test(time.textContent)
        ? at.toLocaleTimeString([], { hour12: false })
        : at.toLocaleString([], { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hour12: false });
    }
  }

  // --- copying

  async function copy(button) {
    const from = document.getElementById(button.dataset.copy);
    if (!from) return;
    try {
      await navigator.clipboard.writeText(from.textContent.trim());
      const said = button.textContent;
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = said; }, 1500);
    } catch {
      const range = document.createRange();
      range.selectNodeContents(from);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
    }
  }

  // --- charts: a figure names its table, which is the data

  const plots = [];
  const shown = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function seriesOf(table, columns) {
    const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.replace(/[↑↓]/g, "").trim());
    const rows = [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.dataset.v === "" ? null : Number(cell.dataset.v)));
    rows.sort((one, other) => one[0] - other[0]);
    return { names: columns.map((at) => heads[at]), data: [0, ...columns].map((at) => rows.map((row) => row[at])) };
  }

  function plot(figure) {
    const table = document.querySelector(figure.dataset.plot);
    if (!table || typeof uPlot === "undefined") return;
    const { names, data } = seriesOf(table, (figure.dataset.columns ?? "1").split(",").map(Number));
    const colours = (figure.dataset.colours ?? "0,1,2,3,4,5").split(",");
    if (data[0].length < 2) return;
    const unit = figure.dataset.unit ?? "";
    const say = (value) => value == null ? "–" : unit === "$" ? "$" + value.toFixed(2) : value.toLocaleString() + unit;
    const axis = { stroke: shown("--dim"), grid: { stroke: shown("--line"), width: 1 }, ticks: { stroke: shown("--line"), width: 1 } };
    const target = document.createElement("div");
    target.className = "plot";
    figure.replaceChildren(target);
    plots.push(new uPlot({
      width: figure.clientWidth, height: 240,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), figure.dataset.zone || "UTC"),
      scales: { x: { time: true } },
      axes: [axis, { ...axis, size: 62, values: (_, ticks) => ticks.map(say) }],
      series: [{ value: (_, at) => at == null ? "–" : new Date(at * 1000).toISOString().slice(0, 16).replace("T", " ") + " UTC" },
        ...names.map((name, at) => ({ label: name, stroke: shown(`--c${colours[at] ?? 5}`), width: 2, value: (_, value) => say(value) }))],
      cursor: { points: { size: 7 } },
    }, data, target));
  }

  function drawCharts(root) {
    for (const one of plots.splice(0)) one.destroy();
    for (const figure of root.querySelectorAll("figure[data-plot]")) plot(figure);
  }

  // --- staying current: a stream says that something changed; then the page is asked for again and what differs is put in

  let stream = null, asking = false, again = false, last = 0, timer = 0;

  const keyOf = (element) => element.id || element.closest("[id]")?.id + ">" + (element.querySelector("summary")?.textContent ?? "");
  const isBusy = () => {
    const active = document.activeElement;
    return active && main().contains(active) && /^(INPUT|TEXTAREA|SELECT)$/.test(active.tagName);
  };

  function putIn(fresh) {
    const old = main();
    if (old.innerHTML === fresh.innerHTML) { old.dataset.at = fresh.dataset.at; return; }
    const open = new Set([...old.querySelectorAll("details[open]")].map(keyOf));
    const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const scrolled = [...old.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
    old.replaceWith(fresh);
    for (const one of fresh.querySelectorAll("details")) if (open.has(keyOf(one))) one.open = true;
    fresh.querySelectorAll(".scroll").forEach((one, at) => { one.scrollLeft = scrolled[at] ?? 0; });
    if (focused) fresh.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    settle(fresh);
  }

  async function refresh() {
    if (asking || isBusy() || document.hidden) { again = true; return; }
    asking = true; again = false; last = Date.now();
    try {
      const answer = await fetch(location.href, { headers: { "X-Again": "1" }, credentials: "same-origin" });
      if (answer.status === 401) { location.reload(); return; }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("main");
      if (fresh) putIn(document.adoptNode(fresh));
      const footer = page.querySelector("body > footer");
      if (footer) document.querySelector("body > footer").replaceWith(document.adoptNode(footer));
    } catch { /* the server is gone: the stream tries again */ }
    asking = false;
    if (again) soon();
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(refresh, Math.max(150, last + AGAIN_MS - Date.now()));
  }

  function listen() {
    if (stream || document.hidden || main().dataset.still !== undefined) return;
    stream = new EventSource(`/live?at=${encodeURIComponent(main().dataset.at ?? "")}`);
    stream.addEventListener("change", soon);
  }

  function stopListening() {
    stream?.close();
    stream = null;
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return stopListening();
    listen();
    if (Date.now() - last > AGAIN_MS) soon();
  });
  addEventListener("pagehide", stopListening);
  addEventListener("pageshow", listen);
  setInterval(() => { if (stream && main().querySelector("time[data-age]") && Date.now() - last > QUIET_MS) soon(); }, QUIET_MS);

  // --- keys: / to search, j and k along the rows of a table

  const rows = () => [...main().querySelectorAll("tbody tr a:first-of-type, .hits h2 a")].filter((one, at, all) => all.findIndex((other) => other.closest("tr, article") === one.closest("tr, article")) === at);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.dataset.submit !== undefined) event.target.form.requestSubmit();
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    if (event.key === "/") {
      event.preventDefault();
      document.getElementById("find")?.focus();
    } else if (event.key === "j" || event.key === "k") {
      const all = rows();
      const at = all.indexOf(document.activeElement) + (event.key === "j" ? 1 : -1);
      all[Math.max(0, Math.min(all.length - 1, at))]?.focus();
    }
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });

  function settle(root) {
    for (const button of root.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
    sayTimes(root);
    drawCharts(root);
  }

  settle(main());
  last = Date.now();
  listen();
  let resizing = 0;
  addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(() => drawCharts(main()), 200); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawCharts(main()));
})();
