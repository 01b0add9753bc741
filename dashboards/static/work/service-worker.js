// Opens the technician's pages without signal. The server puts VERSION and ASSETS before this:
// the static files that the pages need, under the addresses that carry their hash.
"use strict";
const PAGES = "coldwarden-pages";
const STATIC = `coldwarden-static-${VERSION}`;
const PATIENCE_MS = 6000; // then a page from the phone is better than none
const PAGES_KEPT = 60;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(STATIC).then((cache) => cache.addAll(ASSETS)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (name) => name.startsWith("coldwarden-static-") && name !== STATIC;
  event.waitUntil(
    caches.keys()
      .then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

const remember = async (request, answer) => {
  const cache = await caches.open(PAGES);
  await cache.put(request, answer);
  const kept = await cache.keys();
  await Promise.all(kept.slice(0, Math.max(0, kept.length - PAGES_KEPT)).map((old) => cache.delete(old)));
};

const pageOf = async (request) => {
  const kept = await caches.match(request, { ignoreVary: true });
  const signal = kept ? AbortSignal.timeout(PATIENCE_MS) : undefined;
  try {
    const answer = await fetch(request, { signal });
    const isPage = answer.ok && !answer.redirected && answer.headers.get("content-type")?.startsWith("text/html");
    if (isPage) await remember(request, answer.clone());
    return answer;
  } catch (error) {
    if (kept) return kept;
    const home = await caches.match("/work", { ignoreVary: true });
    if (home) return home;
    throw error;
  }
};

const staticOf = async (request) => (await caches.match(request)) || fetch(request);

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { pathname } = new URL(request.url);
  if (request.method !== "GET") return;
  if (pathname.startsWith("/static/")) event.respondWith(staticOf(request));
  else if (request.mode === "navigate" && (pathname === "/work" || pathname.startsWith("/work/"))) event.respondWith(pageOf(request));
});
