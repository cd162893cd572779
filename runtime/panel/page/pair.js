// Asks for the pairing code. What lets the device in is a cookie that no script can read.
import { language, t } from "/words.js";

const form = document.querySelector("form");
const code = document.querySelector("#code");
const said = document.querySelector("#said");
document.documentElement.lang = language;
for (const each of document.querySelectorAll("[data-t]")) each.textContent = t(each.dataset.t);

/** Ask to be let in; the answer's status: 204 if this device is paired. */
async function knock(headers = {}) {
  try {
    return await fetch("/pair", { headers, cache: "no-store" });
  } catch {
    return { status: 0 };
  }
}

/** Whether this device is let in; then the page is shown. A link on another site brings no cookie, so ask once more. */
function enter(status) {
  if (status === 204) location.replace("/");
  return status === 204;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  const answer = await knock({ "Timbrebox-Code": code.value.replace(/\D/g, "") });
  button.disabled = false;
  if (enter(answer.status)) return;
  const wait = Number(answer.headers?.get("Retry-After") ?? 0);
  said.textContent = answer.status === 429 ? t("pair.wait", { n: wait }) : t(answer.status ? "pair.wrong" : "pair.lost");
  code.select();
});

enter((await knock()).status);
code.focus();
