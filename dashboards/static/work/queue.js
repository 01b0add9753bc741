// Keeps every step on the phone until the server has it. Steps wait in IndexedDB in the order
// they were made, each with an id made here, so that sending one twice changes nothing.
"use strict";
(() => {
  const words = JSON.parse(document.getElementById("work-words").textContent);
  const STORE = "steps";
  const SENT = "sent"; // steps that a page kept on the phone may not know of
  const CLAIMS = "claims";
  const RETRY_MS = 5000; // between attempts while something waits
  const TIMEOUT_MS = 30000; // for one step on a slow network

  const opened = new Promise((done, fail) => {
    const asked = indexedDB.open("coldwarden-work", 1);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore(STORE, { keyPath: "order", autoIncrement: true });
      asked.result.createObjectStore(SENT, { keyPath: "order" });
      asked.result.createObjectStore(CLAIMS, { keyPath: "id" });
    };
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => fail(asked.error);
  });
  const within = async (store, mode, work) => {
    const db = await opened;
    return new Promise((done, fail) => {
      const transaction = db.transaction(store, mode);
      const asked = work(transaction.objectStore(store));
      transaction.oncomplete = () => done(asked.result);
      transaction.onerror = () => fail(transaction.error);
    });
  };
  const waiting = () => within(STORE, "readonly", (s) => s.getAll());
  // Every step since this page left the server, sent or not, in the order it was made.
  const since = async () => {
    const leftMs = Number(document.body.dataset.now);
    const sent = await within(SENT, "readonly", (s) => s.getAll());
    const old = sent.filter((step) => step.sentMs < leftMs);
    await within(SENT, "readwrite", (s) => old.map((step) => s.delete(step.order)).at(-1) || s.count());
    const known = sent.filter((step) => step.sentMs >= leftMs);
    return [...known, ...(await waiting())].sort((a, b) => a.order - b.order);
  };

  const newId = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  };
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key]);

  // --- what the person sees -------------------------------------------------------------------
  const box = document.getElementById("outbox");
  let needsLogin = false;
  let loginAt = "/login";
  const show = (text, look, canSend) => {
    box.hidden = !text;
    box.classList.toggle("is-sent", look === "sent");
    box.classList.toggle("is-bad", look === "bad");
    box.querySelector("[data-role=text]").textContent = text;
    box.querySelector("[data-role=send]").hidden = !canSend || needsLogin;
    const login = box.querySelector("[data-role=login]");
    login.hidden = !needsLogin;
    login.href = `${loginAt}?next=${encodeURIComponent(location.pathname)}`;
  };
  let refused = 0;
  let hasSent = false;
  const tell = async () => {
    const n = (await waiting()).length;
    if (n && needsLogin) show(fill(words.login, { n }), "bad", true);
    else if (n && sending) show(fill(words.sending, { n }), "", false);
    else if (n) show(fill(words.kept, { n }), "", true);
    else if (refused) show(fill(words.refused, { n: refused }), "bad", false);
    else if (hasSent) show(words.all_sent, "sent", false);
    else show("", "", false);
  };

  // --- sending --------------------------------------------------------------------------------
  const limited = (address, options) =>
    fetch(address, { ...options, cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(TIMEOUT_MS) });
  const token = async () => {
    // The page may have come from the phone's own store: its token is then an old one.
    const answer = await limited("/api/session", { headers: { Accept: "application/json" } });
    if (!answer.ok) return null;
    return (await answer.json()).csrf;
  };
  const post = (step, csrf) =>
    limited(step.address, {
      method: "POST",
      headers: { "Content-Type": step.type, "X-CSRF-Token": csrf, ...step.headers },
      body: step.body,
    });
  // "sent", "refused" (will never be taken), or "later".
  const deliver = async (step, csrf) => {
    const answer = await post(step, csrf);
    if (answer.ok) {
      const told = answer.headers.get("content-type")?.includes("json") ? await answer.json() : {};
      document.dispatchEvent(new CustomEvent("cw:sent", { detail: { step, told } }));
      return "sent";
    }
    if ([0, 401, 403].includes(answer.status)) { // 0: sent on to the login page
      needsLogin = true;
      const told = await answer.json().catch(() => ({}));
      loginAt = told.page || "/login"; // a signature asks to prove again who signs
      return "later";
    }
    if (answer.status >= 500 || answer.status === 429 || answer.status === 408) return "later";
    document.dispatchEvent(new CustomEvent("cw:refused", { detail: { step } }));
    return "refused";
  };
  let sending = false;
  const flush = async () => {
    if (sending) return;
    sending = true;
    try {
      const steps = await waiting();
      if (!steps.length) return;
      await tell();
      const csrf = await token();
      needsLogin = !csrf;
      if (!csrf) {
        // Whoever comes next must not find the pages of whoever was here; the steps stay.
        await caches.delete("coldwarden-pages");
        return;
      }
      for (const step of steps) {
        const outcome = await deliver(step, csrf);
        if (outcome === "later") return;
        if (outcome === "refused") refused += 1;
        hasSent = true;
        const { order, gateway, shows } = step;
        const sentMs = window.coldwarden.nowMs();
        if (outcome === "sent") await within(SENT, "readwrite", (s) => s.put({ order, gateway, shows, sentMs }));
        await within(STORE, "readwrite", (s) => s.delete(order));
        await tell();
      }
    } catch {
      // No signal: everything stays where it is.
    } finally {
      sending = false;
      await tell();
    }
  };
  const keep = async (step) => {
    navigator.storage?.persist?.(); // a full phone should drop other things first
    await within(STORE, "readwrite", (s) => s.add(step));
    await tell();
    flush();
  };

  box.querySelector("[data-role=send]").addEventListener("click", flush);
  addEventListener("online", flush);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) flush(); });
  setInterval(async () => { if ((await waiting()).length) flush(); }, RETRY_MS);

  if ("serviceWorker" in navigator) navigator.serviceWorker.register("/work/service-worker.js", { scope: "/work" }).catch(() => {});

  window.coldwardenWork = {
    words, fill, newId, keep, waiting, since, flush,
    keepClaim: (claim) => within(CLAIMS, "readwrite", (s) => s.put(claim)),
    claim: (id) => within(CLAIMS, "readonly", (s) => s.get(id)),
    forgetClaim: (id) => within(CLAIMS, "readwrite", (s) => s.delete(id)),
  };
  flush().then(tell);
})();
