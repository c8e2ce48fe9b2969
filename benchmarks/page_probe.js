// What the page is asked while it is measured; it runs before the page's own scripts. Times are ms since the navigation.
// A change counts as painted when the frame that it belongs to is over: a message that is posted from the frame's callback
// arrives after style, layout and paint.
(() => {
  const probe = { key: null, ready: null, enter: null, first: null, ages: [], gaps: [], shift: 0, begun: 0, last: 0 };
  window.probe = probe;
  const MARK = /\b(?:w(\d+)|x([0-9a-z]+))/g;
  let running = false;
  let words = null; // of the newest answer
  let seen = 0; // characters of it that have been looked at
  let before = null;

  const now = () => performance.timeOrigin + performance.now();

  /** Which words have come with this frame, and how old they are. Each tells when it was said: benchmarks/vendor.py. */
  function look() {
    const answers = document.querySelectorAll(".answer .words");
    const newest = answers[answers.length - 1];
    if (newest !== words) [words, seen] = [newest, 0];
    const text = words?.textContent ?? "";
    if (text.length === seen) return;
    const at = now();
    if (probe.first === null) probe.first = performance.now();
    for (const [, first, later] of text.slice(Math.max(0, seen - 40)).matchAll(MARK)) {
      const said = first ? Number(first) : probe.begun + 100 * parseInt(later, 36);
      if (said <= probe.last) continue;
      if (first) probe.begun = said;
      probe.last = said;
      probe.ages.push(at - probe.clock - said / 1000);
    }
    seen = text.length;
  }

  const { port1, port2 } = new MessageChannel();
  port1.onmessage = look;

  function frame(at) {
    if (!running) return;
    if (before !== null && probe.first !== null) probe.gaps.push(at - before);
    before = at;
    port2.postMessage(0);
    requestAnimationFrame(frame);
  }

  /** Forget what was, and watch each frame from here on. `clock`: ms of the wall clock at which the words' own time was 0. */
  probe.start = (clock) => {
    const answers = document.querySelectorAll(".answer .words").length;
    Object.assign(probe, { clock, enter: null, first: null, ages: [], gaps: [], shift: 0, begun: 0, last: 0 });
    before = null;
    running = true;
    // An answer that stands there already is none of ours.
    words = document.querySelectorAll(".answer .words")[answers - 1] ?? null;
    seen = words?.textContent.length ?? 0;
    requestAnimationFrame(frame);
  };

  probe.stop = () => (running = false);

  addEventListener("keydown", (event) => event.key === "Enter" && (probe.enter ??= event.timeStamp), true);
  addEventListener("input", () => (probe.key ??= performance.now()), true);
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) probe.shift += entry.value;
  }).observe({ type: "layout-shift" });

  // The button can be pressed from when the page's script has heard of the key.
  new MutationObserver(() => {
    const button = document.getElementById("send");
    if (button && !button.disabled) probe.ready ??= performance.now();
  }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["disabled"] });
})();
