// A signature drawn with a finger, a pen or a mouse, as a small picture.
"use strict";
(() => {
  const canvas = document.getElementById("signature");
  const ink = canvas.getContext("2d");
  const LINE = 5;
  const LEAST = 12; // drawn dots that make a signature
  let dots = 0;
  let last = null;

  const clear = () => {
    ink.fillStyle = "#fff";
    ink.fillRect(0, 0, canvas.width, canvas.height);
    dots = 0;
  };
  const place = (e) => {
    const box = canvas.getBoundingClientRect();
    return [((e.clientX - box.left) / box.width) * canvas.width, ((e.clientY - box.top) / box.height) * canvas.height];
  };
  const draw = (e) => {
    if (!last) return;
    const at = place(e);
    ink.beginPath();
    ink.moveTo(...last);
    ink.lineTo(...at);
    ink.strokeStyle = "#111";
    ink.lineWidth = LINE;
    ink.lineCap = "round";
    ink.stroke();
    last = at;
    dots += 1;
  };
  canvas.addEventListener("pointerdown", (e) => {
    canvas.setPointerCapture(e.pointerId);
    last = place(e);
    draw(e);
  });
  canvas.addEventListener("pointermove", draw);
  const lift = () => { last = null; };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  document.getElementById("clear-signature").addEventListener("click", clear);
  clear();

  window.coldwardenSignature = {
    isSigned: () => dots >= LEAST,
    picture: () => canvas.toDataURL("image/png"),
    clear,
  };
})();
