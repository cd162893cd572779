// The changes to a sound, which end when the page chooses another sound: they are offered back for a while.
import { complain, toast } from "/head.js";
import { notes } from "/notes.js";
import { play } from "/play.js";
import { t } from "/words.js";

const PLAYS_WITHIN_MS = 5000, IS_MADE_WITHIN_MS = 20000, BACK_MS = 30000;

/** What plays, to come back to: its instrument and name, where its knobs are, and whether these were moved. */
export async function present() {
  const { instrument, name, whole, sound, positions } = await play.ask("state");
  return { instrument: instrument.name, name, positions, tree: whole ?? sound, isChanged: play.isChanged };
}

/** Choose an instrument, and wait until it plays. */
export async function swap(name) {
  await play.ask("instrument", { name });
  return play.until(() => play.card?.instrument === name, IS_MADE_WITHIN_MS);
}

/** Play again what `present` has returned. */
export async function goBack({ instrument, name, positions, tree, isChanged }) {
  try {
    if (instrument !== play.card?.instrument) await swap(instrument);
    // A page may not send a sound as long as those with a trajectory in them, so the knobs are moved afterwards.
    await play.ask("sound", name === null ? { tree } : { name });
    if (await play.until(() => play.sound === name, PLAYS_WITHIN_MS)) await play.moveBack(positions, isChanged);
  } catch (error) {
    complain(error);
  }
}

/** Call this before another sound is chosen; returns a message's button that brings the changes back, null without any. */
export async function leaving() {
  if (!play.isChanged) return null;
  const left = await present();
  return { text: t("left.back"), name: left.name ?? t("now.none"), do: () => goBack(left), lastsMs: BACK_MS };
}

/** What to tell about keys that are down while another sound, `name`, is chosen: their notes keep the former one. */
export function stays(name) {
  return notes.isHeld ? t("left.notes", { name }) : "";
}

/**
 * Do what chooses another sound; offer back the changes that this leaves, and say that held notes keep their sound.
 * name: what is chosen; null if only `play` knows.
 */
export async function leave(act, name = null) {
  const back = await leaving(), before = play.sound;
  const done = await act();
  if (notes.isHeld && name === null) await play.until(() => play.sound !== before, PLAYS_WITHIN_MS);
  const said = [back && t("left", { name: back.name }), stays(name ?? play.sound)].filter(Boolean).join(" ");
  if (said) toast(said, back);
  return done;
}
