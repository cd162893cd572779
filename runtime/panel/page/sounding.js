// What sounds now: the notes with their frequencies in Hz, the newest first: <tb-sounding>.
import { play } from "/play.js";
import { hzText } from "/words.js";

const NO_NEWS_MS = 500;

class Sounding extends HTMLElement {
  connectedCallback() {
    if (this.listens) return;
    this.listens = true;
    play.addEventListener("picture", ({ detail }) => this.show(detail.hz));
    // The pitches come with the live picture, which is measured only if a part of the page wants it.
    play.addEventListener("meter", ({ detail }) => this.want(detail.voices > 0));
    play.addEventListener("present", () => play.isPlaying || this.want(false));
  }

  want(isWanted) {
    if (this.isWanted === isWanted) return;
    this.isWanted = isWanted;
    play.want("picture", this, isWanted);
  }

  show(hz) {
    const text = hzText(hz);
    clearTimeout(this.forgetting);
    this.forgetting = setTimeout(() => (this.textContent = ""), NO_NEWS_MS);
    if (this.textContent !== text) this.textContent = text;
  }
}
customElements.define("tb-sounding", Sounding);
