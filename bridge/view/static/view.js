// Reads the page again while something runs, and puts the new content in place of the old one. Without it the page is
// read again by a plain refresh. The answer says what is to be shown; nothing is computed here.
"use strict";
(() => {
  const live = document.getElementById("live");
  let tag = null;
  let failures = 0;

  const say = (text) => {
    if (live.textContent !== text) live.textContent = text;
  };

  // Keeps where the reader is: the focused link or field, and how far regions are scrolled.
  const replace = (text) => {
    const page = new DOMParser().parseFromString(text, "text/html");
    const next = page.getElementById("main");
    const main = document.getElementById("main");
    if (!next || next.innerHTML === main.innerHTML) return;
    const focused = document.activeElement;
    const href = main.contains(focused) ? focused.getAttribute("href") : null;
    const id = main.contains(focused) ? focused.id : null;
    if (id === "namespace") return; // somebody is typing
    const scrolled = [...main.querySelectorAll(".scroll")].map((each) => each.scrollLeft);
    const phase = main.querySelector(".phase")?.textContent;
    main.dataset.poll = next.dataset.poll;
    main.replaceChildren(...next.childNodes);
    main.querySelectorAll(".scroll").forEach((each, index) => { each.scrollLeft = scrolled[index] ?? 0; });
    if (href) [...main.querySelectorAll("a")].find((each) => each.getAttribute("href") === href)?.focus({ preventScroll: true });
    else if (id) document.getElementById(id)?.focus({ preventScroll: true });
    document.title = page.title;
    const now = main.querySelector(".phase")?.textContent;
    if (now !== phase) say(`Now ${now}`);
  };

  const seconds = () => Number(document.getElementById("main").dataset.poll) || 0;

  const read = async () => {
    if (document.hidden) return;
    try {
      const headers = tag ? { "If-None-Match": tag } : {};
      const answer = await fetch(location.href, { headers, credentials: "same-origin", redirect: "error", cache: "no-store" });
      if (answer.status === 200) {
        tag = answer.headers.get("ETag");
        replace(await answer.text());
      } else if (answer.status === 401) {
        location.reload();
        return;
      }
      failures = answer.status < 400 ? 0 : failures + 1;
    } catch {
      failures += 1;
    }
    say(failures >= 3 ? "The page is not up to date: the bridge does not answer" : live.textContent.startsWith("Now") ? live.textContent : "");
  };

  const loop = async () => {
    const pause = seconds();
    if (!pause) return;
    setTimeout(async () => {
      await read();
      loop();
    }, pause * 1000 * Math.min(2 ** failures, 16));
  };

  document.addEventListener("visibilitychange", () => { if (!document.hidden && seconds()) read(); });
  loop();
})();
