// Keeps a page fresh: ages and times in the viewer's zone, live values, and whole regions
// fetched again when alarms, links or counts change. No framework; the server renders.
"use strict";
(() => {
  const words = JSON.parse(document.getElementById("wording").textContent);
  const body = document.body;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || body.dataset.zone;
  const REFRESH_MS = 1500; // at most one refresh in this time
  const POLL_MS = 10000; // how often to refresh while there is no live stream
  const RETRY_MS = 4000;

  let skewMs = Number(body.dataset.now) - Date.now();
  const nowMs = () => Date.now() + skewMs;

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key]);

  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit",
    hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
  const split = (ms) => Object.fromEntries(parts.formatToParts(ms).map((p) => [p.type, p.value]));
  const clock = (ms, isDated) => {
    const at = split(ms);
    const today = split(nowMs());
    const time = `${at.hour}:${at.minute}:${at.second}`;
    const date = `${at.year}-${at.month}-${at.day}`;
    return !isDated && date === `${today.year}-${today.month}-${today.day}` ? time : `${date} ${time}`;
  };

  const age = (ms) => {
    const ageS = Math.floor(Math.max(nowMs() - ms, 0) / 1000);
    if (ageS < words.justNowS) return words.age.now;
    const [, divisor, key] = words.steps.find(([below]) => below === null || ageS < below);
    return fill(words.age[key], { n: Math.floor(ageS / divisor) });
  };

  const amount = (value, quantity, decimals) => {
    if (value === null || value === undefined) return words.noValue;
    if (quantity === "door" || quantity === "mains") return words.value[`${quantity}_${value ? 1 : 0}`];
    if (quantity === "state" && (value === 0 || value === 1)) return words.value[`state_${value}`];
    return value.toFixed(Math.max(decimals, 0));
  };

  const setText = (node, text) => {
    if (node && node.textContent !== text) node.textContent = text;
  };

  const writeTimes = () => {
    document.querySelectorAll("[data-clock]").forEach((n) => setText(n, clock(Number(n.dataset.clock), "dated" in n.dataset)));
    setText(document.getElementById("zone"), zone);
  };
  const writeAges = () => {
    document.querySelectorAll("[data-age]").forEach((n) => setText(n, age(Number(n.dataset.age))));
  };

  // The server renders the next page in this zone from the start.
  if (zone) document.cookie = `tz=${encodeURIComponent(zone)};path=/;max-age=31536000;samesite=lax`;

  // --- live values ---------------------------------------------------------------------------
  const showReading = ({ point, t, v }) => {
    const last = t.length - 1;
    const id = CSS.escape(point);
    document.querySelectorAll(`[data-point-age="${id}"] [data-age]`).forEach((n) => {
      if (Number(n.dataset.age) < t[last]) n.dataset.age = t[last];
    });
    document.querySelectorAll(`[data-point="${id}"]`).forEach((n) => {
      if (Number(n.dataset.at || 0) > t[last] || v[last] === null) return;
      n.dataset.at = t[last];
      n.classList.remove("is-old");
      setText(n.querySelector("[data-role=value]"), amount(v[last], n.dataset.quantity, Number(n.dataset.decimals)));
    });
    writeAges();
    document.dispatchEvent(new CustomEvent("cw:reading", { detail: { point, t, v } }));
  };

  // --- regions -------------------------------------------------------------------------------
  const essence = (node) => {
    const copy = node.cloneNode(true);
    copy.querySelectorAll("[data-age],[data-clock]").forEach((n) => { n.textContent = ""; });
    copy.querySelectorAll("[data-at]").forEach((n) => n.removeAttribute("data-at"));
    copy.querySelectorAll("details").forEach((n) => n.removeAttribute("open"));
    return copy.innerHTML;
  };
  const swap = (fresh) => {
    fresh.querySelectorAll("[data-swap]").forEach((next) => {
      const old = document.getElementById(next.id);
      if (!old || essence(old) === essence(next)) return;
      const focus = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
      next.querySelectorAll("details").forEach((d, i) => { d.open = Boolean(old.querySelectorAll("details")[i]?.open); });
      old.replaceWith(document.adoptNode(next));
      if (focus) next.querySelector(`[href="${CSS.escape(focus)}"]`)?.focus();
    });
  };
  let refreshing = null;
  let refreshedMs = 0;
  const refresh = () => {
    if (refreshing) return;
    const wait = Math.max(0, refreshedMs + REFRESH_MS - Date.now());
    refreshing = setTimeout(async () => {
      try {
        const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
        if (answer.ok) {
          const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
          skewMs = Number(fresh.body.dataset.now) - Date.now();
          swap(fresh);
          writeTimes();
          writeAges();
        }
      } catch { /* the server cannot be reached; ages go on growing and the stream says so */ }
      refreshedMs = Date.now();
      refreshing = null;
    }, wait);
  };

  // --- the stream ----------------------------------------------------------------------------
  const live = document.getElementById("live");
  let stream = null;
  let retry = null;
  let poll = null;
  let wasOpen = false;
  const showLive = (isOn) => {
    live.hidden = false;
    live.classList.toggle("is-on", isOn);
    live.classList.toggle("is-off", !isOn);
    setText(live.querySelector("[data-role=text]"), isOn ? words.live.on : words.live.off);
    clearInterval(poll);
    poll = isOn ? null : setInterval(() => { if (!document.hidden) refresh(); }, POLL_MS);
  };
  const connect = () => {
    if (!body.dataset.live || stream) return;
    stream = new EventSource(body.dataset.live);
    stream.addEventListener("open", () => {
      showLive(true);
      if (wasOpen) {
        refresh();
        document.dispatchEvent(new CustomEvent("cw:resumed"));
      }
      wasOpen = true;
    });
    stream.addEventListener("hello", (e) => { skewMs = JSON.parse(e.data).now - Date.now(); });
    stream.addEventListener("reading", (e) => showReading(JSON.parse(e.data)));
    stream.addEventListener("changed", refresh);
    stream.addEventListener("error", () => {
      showLive(false);
      if (stream && stream.readyState === EventSource.CLOSED) {
        disconnect();
        retry = setTimeout(connect, RETRY_MS);
      }
    });
  };
  const disconnect = () => {
    clearTimeout(retry);
    if (stream) stream.close();
    stream = null;
  };
  // A hidden tab holds no connection: browsers allow six per server, and a wall of tabs has more.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) disconnect();
    else {
      refresh();
      connect();
    }
  });
  addEventListener("pagehide", disconnect);
  addEventListener("pageshow", (e) => { if (e.persisted) connect(); });

  window.coldwarden = { words, nowMs, clock, age, amount, fill };
  writeTimes();
  writeAges();
  setInterval(writeAges, 1000);
  connect();
})();
