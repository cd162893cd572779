// Starts the page: texts, parts, connection.
import "/head.js";
import "/now.js";
import "/keys.js";
import "/shape.js";
import "/map.js";
import "/sounds.js";
import "/hands.js";
import "/paired.js";
import "/files.js";
import "/box.js";
import { notes } from "/notes.js";
import { play } from "/play.js";
import { language, t } from "/words.js";

document.documentElement.lang = language;
for (const each of document.querySelectorAll("[data-t]")) each.textContent = t(each.dataset.t);

const tabs = [...document.querySelectorAll("[role=tab]")];
const list = document.querySelector("[role=tablist]");
list.setAttribute("aria-label", t("tabs"));

/** Scroll the list of parts, which may be wider than the window, to the chosen part. */
function bringIntoView() {
  const chosen = list.querySelector("[aria-selected=true]");
  if (chosen) list.scrollLeft = chosen.offsetLeft - list.offsetLeft - (list.clientWidth - chosen.offsetWidth) / 2;
  showMore();
}

/** Fade out an edge of the list if the list continues beyond the edge. */
function showMore() {
  list.classList.toggle("before", list.scrollLeft > 2);
  list.classList.toggle("after", list.scrollLeft + list.clientWidth < list.scrollWidth - 2);
}
list.addEventListener("scroll", showMore);
new ResizeObserver(bringIntoView).observe(list);
const top_ = document.querySelector(".top");
new ResizeObserver(() => document.body.style.setProperty("--top-height", `${top_.offsetHeight}px`)).observe(top_);

// Where one plays, one comes back to the same place; a part with lists, which change meanwhile, opens at its top.
const COMES_BACK = new Set(["play", "map"]), scrolled = new Map();

function open(name, isFocused = false) {
  const chosen = tabs.find((tab) => tab.getAttribute("aria-controls") === name) ?? tabs[0];
  const left = tabs.find((tab) => tab.getAttribute("aria-selected") === "true");
  if (left && COMES_BACK.has(left.getAttribute("aria-controls"))) scrolled.set(left, scrollY);
  for (const tab of tabs) {
    const isChosen = tab === chosen;
    tab.setAttribute("aria-selected", isChosen);
    tab.tabIndex = isChosen ? 0 : -1;
    const part = document.getElementById(tab.getAttribute("aria-controls"));
    part.hidden = !isChosen;
    part.firstElementChild.open = isChosen; // hidden parts need no news
  }
  if (isFocused) chosen.focus();
  if (left !== chosen) scrollTo({ top: scrolled.get(chosen) ?? 0, behavior: "instant" });
  bringIntoView();
  history.replaceState(null, "", `#${chosen.getAttribute("aria-controls")}`);
}

tabs.forEach((tab, k) => {
  tab.addEventListener("click", () => open(tab.getAttribute("aria-controls")));
  tab.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by) open(tabs[(k + by + tabs.length) % tabs.length].getAttribute("aria-controls"), true);
  });
});
addEventListener("hashchange", () => open(location.hash.slice(1)));
open(location.hash.slice(1));

// Entering a field selects its text, so that typing replaces it. A click sets the caret after the focus, so select again.
const isField = (e) => e.matches?.("input:not([type]), input[type=number]");
let entered = null;
addEventListener("pointerdown", ({ target }) => (entered = isField(target) && target !== document.activeElement ? target : null));
addEventListener("focusin", ({ target }) => isField(target) && target.select());
addEventListener("click", ({ target }) => {
  if (target === entered && target.selectionStart === target.selectionEnd) target.select();
  entered = null;
});

// A browser may keep a page alive, with its connection, after the user has left: end the page's notes.
addEventListener("pagehide", () => {
  notes.releaseAll();
  play.leave();
});
play.start();
