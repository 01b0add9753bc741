// The chart of one point: limit bands, holes that stay holes, and a cursor whose reading can be
// proven. Uses uPlot; data comes with the page, then live, then from the series address.
"use strict";
(() => {
  const cw = window.coldwarden;
  const data = JSON.parse(document.getElementById("chart-data").textContent);
  const box = document.getElementById("chart");
  const empty = box.querySelector(".chart-empty");
  const readout = document.getElementById("readout");
  const badge = document.getElementById("proof-badge");
  const hint = readout.innerHTML;
  const proofUrl = badge.getAttribute("href").split("?")[0];
  const MAX_POINTS = 4000;
  const RELOAD_MS = 2000;
  const DAY_MS = 86400000;

  const xs = data.times.slice();
  const ys = data.values.slice();
  let plot = null;
  let look = {};

  const readLook = () => {
    const style = getComputedStyle(document.documentElement);
    const get = (name) => style.getPropertyValue(name).trim();
    look = {
      ink: get("--ink"), soft: get("--soft"), line: get("--line"), accent: get("--accent"),
      surface: get("--surface"), alarm: get("--alarm"), prealarm: get("--prealarm"),
      zoneAlarm: get("--zone-alarm"), zonePre: get("--zone-pre"), hole: get("--hole"), quiet: get("--quiet"),
      font: `12px ${getComputedStyle(document.body).fontFamily}`,
    };
  };

  const pad2 = (n) => String(n).padStart(2, "0");
  const axisTime = (u, splits, axis, space, incrMs) => splits.map((ms, i) => {
    const at = new Date(ms);
    const date = `${pad2(at.getMonth() + 1)}-${pad2(at.getDate())}`;
    if (incrMs >= DAY_MS) return date;
    const time = `${pad2(at.getHours())}:${pad2(at.getMinutes())}${incrMs < 60000 ? `:${pad2(at.getSeconds())}` : ""}`;
    const isNewDay = i === 0 ? data.rangeS > 86400 : new Date(splits[i - 1]).getDate() !== at.getDate();
    return isNewDay ? `${time}\n${date}` : time;
  });

  const amount = (value) => cw.amount(value, data.quantity, data.decimals);
  const isWorded = data.quantity === "door" || data.quantity === "mains";
  const yRange = (u, low, high) => {
    const edges = data.limits.map((x) => x.value);
    if (low !== null) edges.push(low);
    if (high !== null) edges.push(high);
    if (isWorded) return [-0.15, 1.15];
    if (!edges.length) return [0, 1];
    const bottom = Math.min(...edges);
    const top = Math.max(...edges);
    const pad = Math.max((top - bottom) * 0.12, 10 ** -data.decimals * 3);
    return [bottom - pad, top + pad];
  };
  const xRange = () => {
    const now = cw.nowMs();
    return [now - data.rangeS * 1000, now];
  };

  // --- what lies behind the line ---------------------------------------------------------------
  const clampY = (u, value) => {
    const y = u.valToPos(value, "y", true);
    return Math.min(Math.max(y, u.bbox.top), u.bbox.top + u.bbox.height);
  };
  const band = (u, from, to, colour) => {
    u.ctx.fillStyle = colour;
    u.ctx.fillRect(u.bbox.left, Math.min(from, to), u.bbox.width, Math.abs(to - from));
  };
  const drawLimits = (u) => {
    const top = u.bbox.top;
    const bottom = top + u.bbox.height;
    const labelled = new Set();
    for (const limit of data.limits) {
      const isAlarm = limit.severity === "alarm";
      const isHigh = limit.direction === "high";
      const y = clampY(u, limit.value);
      if (y <= top || y >= bottom) continue;
      const outer = data.limits.find((x) => x.severity === "alarm" && x.direction === limit.direction);
      const end = isAlarm ? (isHigh ? top : bottom) : (outer ? clampY(u, outer.value) : (isHigh ? top : bottom));
      band(u, y, end, isAlarm ? look.zoneAlarm : look.zonePre);
      const colour = isAlarm ? look.alarm : look.prealarm;
      u.ctx.strokeStyle = colour;
      u.ctx.lineWidth = (isAlarm ? 1.5 : 1) * devicePixelRatio;
      u.ctx.setLineDash(isAlarm ? [8 * devicePixelRatio, 4 * devicePixelRatio] : [2 * devicePixelRatio, 4 * devicePixelRatio]);
      u.ctx.beginPath();
      u.ctx.moveTo(u.bbox.left, y);
      u.ctx.lineTo(u.bbox.left + u.bbox.width, y);
      u.ctx.stroke();
      u.ctx.setLineDash([]);
      const label = isAlarm && !labelled.has(limit.direction) && !isWorded;
      if (label) {
        labelled.add(limit.direction);
        u.ctx.fillStyle = colour;
        u.ctx.textAlign = "left";
        u.ctx.textBaseline = isHigh ? "bottom" : "top";
        const text = `${isHigh ? cw.words.script.high : cw.words.script.low} ${limit.value} ${data.unit}`;
        u.ctx.fillText(text, u.bbox.left + 8 * devicePixelRatio, y + (isHigh ? -3 : 3) * devicePixelRatio);
      }
    }
  };
  const holes = () => {
    const found = [];
    let last = null;
    let isBroken = false;
    xs.forEach((x, i) => {
      if (ys[i] === null) {
        isBroken = true;
        return;
      }
      if (last !== null && (isBroken || x - last > data.gapMs)) found.push([last, x]);
      last = x;
      isBroken = false;
    });
    const now = cw.nowMs();
    if (last !== null && now - last > data.gapMs) found.push([last, now]);
    return found;
  };
  const drawHoles = (u) => {
    const right = u.bbox.left + u.bbox.width;
    for (const [from, to] of holes()) {
      const a = Math.max(u.valToPos(from, "x", true), u.bbox.left);
      const b = Math.min(u.valToPos(to, "x", true), right);
      if (b <= a) continue;
      u.ctx.fillStyle = look.hole;
      u.ctx.fillRect(a, u.bbox.top, b - a, u.bbox.height);
      if (u.ctx.measureText(cw.words.script.hole).width + 8 * devicePixelRatio < b - a) {
        u.ctx.fillStyle = look.quiet;
        u.ctx.textAlign = "center";
        u.ctx.textBaseline = "middle";
        u.ctx.fillText(cw.words.script.hole, (a + b) / 2, u.bbox.top + u.bbox.height / 2);
      }
    }
  };
  const drawBehind = (u) => {
    u.ctx.save();
    u.ctx.beginPath();
    u.ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
    u.ctx.clip();
    u.ctx.font = look.font.replace("12px", `${12 * devicePixelRatio}px`);
    drawHoles(u);
    drawLimits(u);
    u.ctx.restore();
  };

  // --- the reading under the cursor ------------------------------------------------------------
  const span = (text, name) => {
    const node = document.createElement(name === "value" ? "strong" : "span");
    node.textContent = text;
    if (name === "soft") node.className = "soft";
    return node;
  };
  const isNewer = (i) => xs[i] !== undefined && ys[i] !== null && ys[i] !== undefined;
  const showReading = (u) => {
    const i = u.cursor.idx;
    if (i === null || i === undefined) return;
    if (!isNewer(i)) {
      readout.replaceChildren(span(cw.clock(xs[i] ?? cw.nowMs()), "soft"), span(cw.words.script.hole, "soft"));
      badge.hidden = true;
      return;
    }
    badge.hidden = false;
    badge.href = `${proofUrl}?t=${xs[i]}`;
    const text = `${amount(ys[i])} ${data.unit}`.trim();
    readout.replaceChildren(span(text, "value"), span(cw.clock(xs[i]), "time"), span(cw.age(xs[i]), "soft"));
  };
  const forget = () => {
    readout.innerHTML = hint;
  };

  // --- drawing ---------------------------------------------------------------------------------
  const options = () => ({
    width: box.clientWidth,
    height: box.clientHeight,
    ms: 1,
    legend: { show: false },
    cursor: { lock: true, y: false, drag: { x: false, y: false }, points: { size: 9 }, focus: { prox: 30 } },
    scales: { x: { time: true, range: xRange }, y: { range: yRange } },
    axes: [
      { stroke: look.soft, font: look.font, grid: { stroke: look.line, width: 1 }, ticks: { show: false }, values: axisTime, space: 70, size: 40 },
      {
        stroke: look.soft, font: look.font, grid: { stroke: look.line, width: 1 }, ticks: { show: false }, size: box.clientWidth < 500 ? 58 : 70,
        splits: isWorded ? () => [0, 1] : undefined,
        values: (u, splits) => splits.map((v) => (isWorded ? amount(v) : `${Number(v.toFixed(4))} ${data.unit}`)),
      },
    ],
    series: [
      {},
      {
        stroke: look.accent, width: 2, spanGaps: false,
        paths: isWorded ? uPlot.paths.stepped({ align: 1 }) : undefined,
        points: { size: 4, fill: look.accent },
      },
    ],
    hooks: { drawAxes: [drawBehind], setCursor: [showReading] },
  });
  const build = () => {
    if (plot) plot.destroy();
    readLook();
    plot = new uPlot(options(), [xs, ys], box);
    empty.hidden = ys.some((v) => v !== null);
  };
  const redraw = () => {
    const start = cw.nowMs() - data.rangeS * 1000 - data.gapMs;
    let old = 0;
    while (old + 1 < xs.length && xs[old + 1] < start) old += 1;
    if (old) {
      xs.splice(0, old);
      ys.splice(0, old);
    }
    empty.hidden = ys.some((v) => v !== null);
    plot.setData([xs, ys]);
  };

  // --- new data --------------------------------------------------------------------------------
  let reloading = null;
  const reload = () => {
    if (reloading) return;
    reloading = setTimeout(async () => {
      const [from, to] = xRange().map(Math.round);
      try {
        const answer = await fetch(`/api/points/${encodeURIComponent(data.point)}/series?from=${from}&to=${to}`);
        if (answer.ok) {
          const fresh = await answer.json();
          xs.splice(0, xs.length, ...fresh.t);
          ys.splice(0, ys.length, ...fresh.v);
          redraw();
        }
      } catch { /* the next live reading or reconnection asks again */ }
      reloading = null;
    }, RELOAD_MS);
  };
  const append = ({ point, t, v }) => {
    if (point !== data.point) return;
    if (xs.length && t[0] <= xs[xs.length - 1]) {
      reload(); // late data: it belongs inside the line, and holes may close
      return;
    }
    t.forEach((at, i) => {
      const last = xs[xs.length - 1];
      if (last !== undefined && at - last > data.gapMs) {
        xs.push((last + at) / 2);
        ys.push(null);
      }
      xs.push(at);
      ys.push(v[i]);
    });
    if (xs.length > MAX_POINTS) reload();
    redraw();
  };

  // --- hands -----------------------------------------------------------------------------------
  const step = (by) => {
    let i = plot.cursor.idx ?? xs.length;
    do i += by; while (i >= 0 && i < xs.length && !isNewer(i));
    if (!isNewer(i)) return;
    plot.setCursor({ left: plot.valToPos(xs[i], "x"), top: plot.valToPos(ys[i], "y") });
  };
  box.addEventListener("keydown", (e) => {
    if (e.key === "ArrowLeft" || e.key === "ArrowRight") {
      e.preventDefault();
      step(e.key === "ArrowLeft" ? -1 : 1);
    } else if (e.key === "Enter") badge.click();
    else if (e.key === "Escape") forget();
  });

  build();
  new ResizeObserver(() => {
    if (plot && (plot.width !== box.clientWidth || plot.height !== box.clientHeight)) {
      plot.setSize({ width: box.clientWidth, height: box.clientHeight });
    }
  }).observe(box);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", build);
  document.addEventListener("cw:reading", (e) => append(e.detail));
  document.addEventListener("cw:resumed", reload);
  setInterval(() => { if (!document.hidden) redraw(); }, Math.max(1000, data.rangeS));
  window.coldwardenChart = { get plot() { return plot; }, xs, ys, holes };
})();
