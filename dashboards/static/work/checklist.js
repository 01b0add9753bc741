// Commissioning on the spot. Every step is kept on the phone first and shown as done; what is
// measured now comes from the server while there is signal.
"use strict";
(() => {
  const work = window.coldwardenWork;
  const { words, fill } = work;
  const list = document.getElementById("checklist");
  const { gateway, steps: stepsAt, photos: photosAt, report: reportAt, live: liveAt } = list.dataset;
  const POLL_MS = 5000;
  const STALE_S = 120; // an older reading is not compared with a thermometer
  const PHOTO_SIDE = 1280;
  const PHOTO_QUALITY = 0.8;
  const points = [...list.querySelectorAll("[data-point]")];
  const part = (node, role) => node.querySelector(`[data-role="${role}"]`);

  // --- keeping --------------------------------------------------------------------------------
  const step = (kind, more) => {
    const body = { id: work.newId(), kind, at_ms: Date.now(), ...more };
    return work.keep({ gateway, address: stepsAt, type: "application/json", body: JSON.stringify(body), shows: body });
  };
  const read = (file) => new Promise((done, fail) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.onerror = () => fail(reader.error);
    reader.readAsDataURL(file);
  });
  const smaller = async (file) => {
    const picture = await createImageBitmap(file);
    const scale = Math.min(1, PHOTO_SIDE / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    return new Promise((done) => { canvas.toBlob(done, "image/jpeg", PHOTO_QUALITY); });
  };
  const photograph = async (node, file) => {
    const blob = await smaller(file);
    const id = work.newId();
    const seen = { id, kind: "photo", point: node.dataset.point };
    const at = `${photosAt}?id=${id}&point=${encodeURIComponent(node.dataset.point)}&at_ms=${Date.now()}`;
    const thumb = await read(blob);
    await work.keep({ gateway, address: at, type: "image/jpeg", body: blob, shows: { ...seen, thumb } });
    showPhoto(node, thumb);
    progress();
  };

  // --- showing --------------------------------------------------------------------------------
  const number = (node) => { const text = node.dataset.value; return text === "" ? null : Number(text); };
  const decimals = (node) => Math.max(Number(node.dataset.decimals), 0);
  const showPhoto = (node, source) => {
    const thumb = part(node, "thumb");
    thumb.src = source;
    thumb.hidden = false;
    node.dataset.photo = node.dataset.photo || "kept";
    part(node, "photo-text").textContent = words.taken;
  };
  const showVerdict = (node) => {
    const line = part(node, "verdict");
    if (!line || node.dataset.reference === "") return;
    const difference = Math.abs(Number(node.dataset.compared) - Number(node.dataset.reference));
    const permitted = Number(node.dataset.permitted || Infinity);
    const isWithin = difference <= permitted + 1e-9;
    const text = { difference: difference.toFixed(decimals(node)), permitted: node.dataset.permitted || "—" };
    line.textContent = fill(isWithin ? words.within : words.beyond, text);
    line.className = `verdict-line ${isWithin ? "is-ok" : "is-alarm"}`;
    node.dataset.within = isWithin ? "1" : "";
  };
  const RISE = 0.5; // least rise of a probe in a hand that says: this is the one
  const isWarm = (node) => node.dataset.after !== "" && Math.abs(Number(node.dataset.after) - Number(node.dataset.before)) >= RISE;
  const showWarm = (node) => {
    const line = part(node, "warm-verdict");
    if (!line || node.dataset.before === "") return;
    const before = Number(node.dataset.before).toFixed(decimals(node));
    const text = { before, now: part(node, "value").textContent };
    if (node.dataset.after === "") {
      line.className = "verdict-line";
      line.textContent = fill(words.warming, text);
      return;
    }
    const after = Number(node.dataset.after).toFixed(decimals(node));
    const rise = (Number(after) - Number(before)).toFixed(decimals(node));
    line.className = `verdict-line ${isWarm(node) ? "is-ok" : "is-alarm"}`;
    line.textContent = isWarm(node) ? fill(words.warmed, { before, after, rise }) : words.not_warmed;
  };
  const isChecked = (node) => !node.dataset.compliance || isWarm(node) || node.dataset.within === "1";
  const isDone = (node) => isChecked(node) && node.dataset.photo !== "";
  const progress = () => {
    const ticks = [...list.querySelectorAll("[data-tick]")];
    points.forEach((node) => {
      const chip = part(node, "state");
      const done = isDone(node);
      chip.className = `chip is-${done ? "ok" : "silent"}`;
      chip.querySelector("use").setAttribute("href", done ? "#i-ok" : "#i-never");
      chip.querySelector("span").textContent = done ? words.done : words.open;
    });
    const all = points.length + ticks.length;
    const done = points.filter(isDone).length + ticks.filter((t) => t.checked).length;
    document.getElementById("progress").value = all ? done / all : 0;
    document.getElementById("progress-text").textContent = fill(words.progress, { done, all });
  };

  // --- one point ------------------------------------------------------------------------------
  const compare = (node) => {
    const entry = part(node, "reference");
    const value = number(node);
    const reference = Number(entry.value.trim().replace(",", ".").replace("−", "-"));
    const line = part(node, "verdict");
    const ageS = Math.round((window.coldwarden.nowMs() - Number(node.dataset.at || 0)) / 1000);
    line.className = "verdict-line is-prealarm";
    if (value === null || !entry.value.trim() || Number.isNaN(reference)) {
      line.textContent = words.no_value;
      return;
    }
    if (navigator.onLine && node.dataset.at && ageS > STALE_S) {
      line.textContent = fill(words.stale, { n: ageS });
      return;
    }
    node.dataset.reference = String(reference);
    node.dataset.compared = String(value);
    step("reference", { point: node.dataset.point, reference, value, value_at_ms: Number(node.dataset.at || 0) });
    showVerdict(node);
    progress();
  };
  const nudge = (node, direction) => {
    const entry = part(node, "reference");
    const from = Number(entry.value.replace(",", ".")) || number(node) || 0;
    entry.value = (from + direction * 10 ** -decimals(node)).toFixed(decimals(node));
  };
  const raise = (node, by) => {
    const height = Math.max(0, (Number(node.dataset.height) || 1.5 - by) + by);
    node.dataset.height = height.toFixed(1);
    part(node, "height").textContent = node.dataset.height;
    step("height", { point: node.dataset.point, height_m: Number(node.dataset.height) });
  };
  const warm = (node, button) => {
    const value = number(node);
    if (value === null) return;
    if (node.dataset.before === "" || node.dataset.after !== "") {
      button.dataset.start = button.dataset.start || button.textContent;
      node.dataset.before = String(value);
      node.dataset.after = "";
      button.textContent = button.dataset.end;
    } else {
      node.dataset.after = String(value);
      button.textContent = button.dataset.start;
      step("warmed", { point: node.dataset.point, before: Number(node.dataset.before), after: value });
    }
    showWarm(node);
    progress();
  };
  points.forEach((node) => {
    node.querySelectorAll("[data-step]").forEach((b) => b.addEventListener("click", () => nudge(node, Number(b.dataset.step))));
    node.querySelectorAll("[data-height-step]").forEach((b) => b.addEventListener("click", () => raise(node, Number(b.dataset.heightStep))));
    part(node, "compare")?.addEventListener("click", () => compare(node));
    part(node, "warm")?.addEventListener("click", (e) => warm(node, e.currentTarget));
    part(node, "photo").addEventListener("change", (e) => {
      const [file] = e.target.files;
      if (file) photograph(node, file);
      e.target.value = "";
    });
  });
  list.querySelectorAll("[data-tick]").forEach((box) => box.addEventListener("change", () => {
    step("tick", { name: box.dataset.tick, ticked: box.checked });
    progress();
  }));

  // --- what the phone still holds -------------------------------------------------------------
  const replay = async () => {
    const byPoint = new Map(points.map((node) => [node.dataset.point, node]));
    for (const { gateway: of, shows, sentMs } of await work.since()) {
      const node = byPoint.get(shows?.point);
      if (of !== gateway || !shows) continue;
      if (shows.kind === "tick") list.querySelector(`[data-tick="${CSS.escape(shows.name)}"]`).checked = shows.ticked;
      if (shows.kind === "signed" && !sentMs) showSigned(words.signed_kept);
      if (!node) continue;
      if (shows.kind === "photo") showPhoto(node, shows.thumb);
      if (shows.kind === "warmed") {
        node.dataset.before = String(shows.before);
        node.dataset.after = String(shows.after);
      }
      if (shows.kind === "height") {
        node.dataset.height = shows.height_m.toFixed(1);
        part(node, "height").textContent = node.dataset.height;
      }
      if (shows.kind === "reference") {
        node.dataset.reference = String(shows.reference);
        node.dataset.compared = String(shows.value);
        part(node, "reference").value = shows.reference.toFixed(decimals(node));
      }
    }
    points.forEach(showVerdict);
    points.forEach(showWarm);
    progress();
  };

  // --- what is measured now -------------------------------------------------------------------
  const replaceFindings = (target, html) => {
    const fresh = new DOMParser().parseFromString(html, "text/html");
    target.replaceChildren(...[...fresh.body.childNodes].map((n) => document.adoptNode(n)));
  };
  const showNow = (told) => {
    told.points.forEach((now) => {
      const node = points.find((n) => n.dataset.point === now.id);
      if (!node) return;
      if (now.value !== null) {
        node.dataset.value = String(now.value);
        node.dataset.at = String(now.at_ms);
        part(node, "value").textContent = window.coldwarden.amount(now.value, node.dataset.quantity, decimals(node));
        part(node, "age").textContent = window.coldwarden.age(now.at_ms);
        const entry = part(node, "reference");
        if (entry && entry.value === "") entry.value = now.value.toFixed(decimals(node));
      }
      node.dataset.permitted = now.permitted_error === null ? "" : String(now.permitted_error);
      showWarm(node);
      replaceFindings(part(node, "findings"), now.findings);
    });
    replaceFindings(document.getElementById("findings"), told.findings);
    const spaces = document.getElementById("spaces");
    if (spaces) replaceFindings(spaces, told.spaces);
  };
  const look = async () => {
    if (document.hidden || !navigator.onLine) return;
    try {
      const answer = await fetch(liveAt, { cache: "no-store", headers: { Accept: "application/json" } });
      if (answer.ok) showNow(await answer.json());
    } catch { /* no signal: the last values stay, with their age */ }
  };

  // --- the signature --------------------------------------------------------------------------
  const state = document.getElementById("sign-state");
  const showSigned = (text) => {
    state.className = "verdict-line is-ok";
    state.textContent = text;
    document.getElementById("sign").disabled = true;
  };
  document.getElementById("sign").addEventListener("click", () => {
    const customer = document.getElementById("customer").value.trim();
    state.className = "verdict-line is-prealarm";
    if (!customer) {
      state.textContent = words.name_first;
      document.getElementById("customer").focus();
      return;
    }
    if (!window.coldwardenSignature.isSigned()) {
      state.textContent = words.sign_first;
      return;
    }
    const body = { id: work.newId(), customer, at_ms: Date.now(), signature: window.coldwardenSignature.picture() };
    showSigned(navigator.onLine ? words.signed : words.signed_kept);
    work.keep({ gateway, address: reportAt, type: "application/json", body: JSON.stringify(body), shows: { kind: "signed" } });
  });
  document.addEventListener("cw:sent", (e) => {
    if (e.detail.step.gateway === gateway && e.detail.step.address === reportAt && e.detail.told.report) {
      location.assign(`/work/reports/${encodeURIComponent(e.detail.told.report)}`);
    }
  });
  document.addEventListener("cw:refused", (e) => {
    if (e.detail.step.address === reportAt) document.getElementById("sign").disabled = false;
  });

  replay();
  look();
  setInterval(look, POLL_MS);
})();
