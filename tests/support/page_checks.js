// Checks of accessibility, which run in the page itself. Each function of this object returns a list of faults.
({
  // Controls are at least 24 pixels wide and high (WCAG 2.2, 2.5.8).
  small: () => [...document.querySelectorAll("main button, header button, .tabs button, input, select")]
    .filter((e) => e.checkVisibility() && !e.closest(".unseen"))
    .filter((e) => { const b = e.getBoundingClientRect(); return (b.width < 24 || b.height < 24) && e.type !== "checkbox"; })
    .map((e) => e.outerHTML.slice(0, 100)),
  // Elements that can have the focus have a name: an aria-label, a text or a label.
  nameless: () => [...document.querySelectorAll("button, input, select, canvas:not([aria-hidden]), [role=button], [role=meter]")]
    .filter((e) => !(e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.length))
    .map((e) => e.outerHTML.slice(0, 100)),
  // Texts have a contrast of at least 4.5 to the first opaque background behind them (WCAG 2.2, 1.4.3).
  faint: () => {
    const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const rgb = (colour) => {
      pen.clearRect(0, 0, 1, 1);
      pen.fillStyle = colour;
      pen.fillRect(0, 0, 1, 1);
      return [...pen.getImageData(0, 0, 1, 1).data];
    };
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
    const below = (e) => {
      for (; e; e = e.parentElement) {
        const colour = rgb(getComputedStyle(e).backgroundColor);
        if (colour[3] > 250) return colour;
      }
      return [255, 255, 255, 255];
    };
    const found = [];
    for (const e of document.querySelectorAll("body *")) {
      const said = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
      if (!said || !e.checkVisibility() || e.closest(".unseen, .skip, noscript, option")) continue;
      const [a, b] = [light(rgb(getComputedStyle(e).color)), light(below(e))].sort((x, y) => y - x);
      const contrast = (a + 0.05) / (b + 0.05);
      if (contrast < 4.5) found.push(`${e.tagName} ${e.className} ${e.textContent.trim().slice(0, 20)} ${contrast.toFixed(2)}`);
    }
    return found;
  },
})
