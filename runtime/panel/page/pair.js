// Asks for the pairing code. A cookie that no script can read identifies a paired device.
import { language, t } from "/words.js";

const form = document.querySelector("form");
const code = document.querySelector("#code");
const said = document.querySelector("#said");
document.documentElement.lang = language;
for (const each of document.querySelectorAll("[data-t]")) each.textContent = t(each.dataset.t);

/** Ask whether this device is paired; the answer's status is 204 if so, 0 without an answer. */
async function knock(headers = {}) {
  try {
    return await fetch("/pair", { headers, cache: "no-store" });
  } catch {
    return { status: 0 };
  }
}

/** Open the page if the device is paired; return whether. A link on another site sends no cookie, so ask once more. */
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
