// The claim on the phone that made it: label and file stay at hand until the gateway has come,
// also without signal and after the page was closed; and the page sees the gateway enrol.
"use strict";
(() => {
  const work = window.coldwardenWork;
  const page = document.getElementById("claim");
  const POLL_MS = 2000;
  const { claim: id, here } = page.dataset;
  const card = document.getElementById("claim-card");
  const label = document.getElementById("claim-label");

  const restore = (kept) => {
    card.querySelector("textarea").value = kept.card;
    document.getElementById("claim-text").textContent = kept.text;
    const svg = new DOMParser().parseFromString(kept.qr, "image/svg+xml").documentElement;
    document.getElementById("qr").replaceChildren(document.adoptNode(svg));
    card.hidden = label.hidden = false;
    document.getElementById("no-secret").hidden = true;
  };
  const remember = async () => {
    if (!card) return;
    const text = document.getElementById("claim-text").textContent;
    const qr = document.getElementById("qr").firstElementChild;
    if (text && qr) { // the server shows it for a quarter of an hour, the phone until it is used
      const svg = new XMLSerializer().serializeToString(qr);
      await work.keepClaim({ id, text, qr: svg, card: card.querySelector("textarea").value });
    } else {
      const kept = await work.claim(id);
      if (kept) restore(kept);
    }
  };

  // The file is made here, so that it can be had without signal.
  document.getElementById("download")?.addEventListener("click", (e) => {
    const text = card.querySelector("textarea").value;
    if (!text) return;
    e.preventDefault();
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }));
    link.download = "coldwarden-claim.toml";
    document.body.append(link);
    link.click();
    link.remove();
  });
  document.getElementById("print")?.addEventListener("click", () => print());

  const look = async () => {
    const waits = document.getElementById("waiting");
    if (!waits || document.hidden) return;
    try {
      const answer = await fetch(`${here}/state`, { cache: "no-store", headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const { state } = await answer.json();
      if (state === page.dataset.state) return;
      if (state === "used" || state === "expired" || state === "cancelled") await work.forgetClaim(id);
      location.replace(here);
    } catch { /* no signal: ask again */ }
  };
  remember();
  if (document.getElementById("waiting")) setInterval(look, POLL_MS);
  else work.forgetClaim(id);
})();
