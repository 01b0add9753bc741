// The proof of a reading: opens it beside the chart, and recomputes the inclusion proof in the
// browser (RFC 6962 hashes), so that a viewer need not take the server's word for it.
"use strict";
(() => {
  const bytes = (hex) => Uint8Array.from(hex.match(/../g) || [], (pair) => parseInt(pair, 16));
  const hex = (data) => Array.from(data, (b) => b.toString(16).padStart(2, "0")).join("");
  const sha256 = async (data) => new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  const node = async (left, right) => {
    const input = new Uint8Array(1 + left.length + right.length);
    input[0] = 1;
    input.set(left, 1);
    input.set(right, 1 + left.length);
    return sha256(input);
  };

  // The leaf of a batch: 0x00 || CBOR [1, kid, epoch, hi, lo, SHA-256 of batch hi].
  const head = (major, n) => {
    const value = BigInt(n);
    const [marker, size] = value < 24n ? [Number(value), 0] : value < 256n ? [24, 1]
      : value < 65536n ? [25, 2] : value < 4294967296n ? [26, 4] : [27, 8];
    const out = [(major << 5) | marker];
    for (let i = size - 1; i >= 0; i -= 1) out.push(Number((value >> BigInt(8 * i)) & 255n));
    return out;
  };
  const text = (data) => [...head(2, data.length), ...data];
  const leafFrom = ({ kid, epoch, hi, lo, batch }) => sha256(Uint8Array.from([
    0, ...head(4, 6), ...head(0, 1), ...text(bytes(kid)), ...text(bytes(epoch)),
    ...head(0, hi), ...head(0, lo), ...text(bytes(batch)),
  ]));

  // RFC 9162 section 2.1.3.2, with numbers that may pass 2^32.
  const rootFrom = async (leaf, index, size, path) => {
    let at = BigInt(index);
    let last = BigInt(size) - 1n;
    let hash = leaf;
    for (const sibling of path) {
      if (last === 0n) return null;
      if (at & 1n || at === last) {
        hash = await node(sibling, hash);
        while (!(at & 1n) && at !== 0n) {
          at >>= 1n;
          last >>= 1n;
        }
      } else hash = await node(hash, sibling);
      at >>= 1n;
      last >>= 1n;
    }
    return last === 0n ? hash : null;
  };

  const check = async (proof) => {
    const row = proof && proof.querySelector("#browser-check");
    if (!row || !proof.dataset.leaf) return;
    const { words } = window.coldwarden;
    const result = row.querySelector("[data-role=result]");
    row.hidden = false;
    if (!window.crypto || !crypto.subtle) {
      result.textContent = words.script.needs_https;
      return;
    }
    const path = proof.dataset.path.split(" ").filter(Boolean).map(bytes);
    const leaf = await leafFrom(proof.dataset);
    const root = await rootFrom(leaf, proof.dataset.index, proof.dataset.size, path);
    const isEqual = hex(leaf) === proof.dataset.leaf && root !== null && hex(root) === proof.dataset.root;
    row.classList.remove("is-never");
    row.classList.add(isEqual ? "is-ok" : "is-alarm");
    row.querySelector("use").setAttribute("href", isEqual ? "#i-ok" : "#i-fail");
    row.querySelector("[data-role=detail]").textContent = root === null ? "" : `${hex(root).slice(0, 16)}…`;
    result.textContent = isEqual ? words.proof.passed : words.proof.failed;
  };

  const dialog = document.getElementById("proof-dialog");
  const open = async (href) => {
    const answer = await fetch(href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const proof = page.getElementById("proof");
    if (!proof) throw new Error(`no proof at ${href}`);
    document.getElementById("proof-body").replaceChildren(document.adoptNode(proof));
    dialog.showModal();
    dialog.scrollTop = 0;
    proof.querySelectorAll("[data-clock]").forEach((n) => {
      n.textContent = window.coldwarden.clock(Number(n.dataset.clock), true);
    });
    await check(proof);
  };
  if (dialog) {
    document.addEventListener("click", (e) => {
      const link = e.target.closest("#proof-badge, .proof-link");
      if (!link || e.ctrlKey || e.metaKey || e.shiftKey || e.button) return;
      e.preventDefault();
      open(link.href).catch(() => location.assign(link.href));
    });
    dialog.addEventListener("click", (e) => { if (e.target === dialog) dialog.close(); });
  } else check(document.getElementById("proof"));
})();
