// The doctor's findings in German. Each row has a text of the doctor, with {} for what varies, and its translation. A (s) at
// the end of a text is the plural's s, if there is one. A text without a row is shown in English.
const NAMES = {
  "System": "System", "Processor": "Prozessor", "Power": "Strom", "Memory": "Speicher", "Real time": "Echtzeit",
  "Sound card": "Soundkarte", "Who has it": "Wer sie hat", "Keyboard": "Klaviatur", "Instrument": "Instrument",
  "Speed": "Tempo", "Playing": "Spiel", "Service": "Dienst", "Disk": "Platte", "Network": "Netz",
};
const ROWS = [
  ["start the sound server again: systemctl --user restart pipewire, or end jackd; then ask again", "den Soundserver neu starten: systemctl --user restart pipewire, oder jackd beenden; dann noch einmal prüfen"],
  ["none is here; play waits, and takes one as soon as it comes", "keine ist da; play wartet und nimmt eine, sobald sie kommt"],
  ["; {} more outputs: ./timbrebox devices", "; {} weitere Ausgänge: ./timbrebox devices"],
  [" has a sound card; if it is the one above, play cannot have it", " hat eine Soundkarte; ist es die von oben, kann play sie nicht haben"],
  ["none of {} inputs has a name as in the settings: ", "keiner von {} Eingängen heißt wie in den Einstellungen: "],
  ["see what is here, and name one: ./timbrebox devices", "nachsehen, was da ist, und eine nennen: ./timbrebox devices"],
  ["start the MIDI server, or set midi: {api: null}", "den MIDI-Server starten, oder einstellen: midi: {api: null}"],
  ["none is here; play takes one as soon as it comes", "keine ist da; play nimmt eine, sobald sie kommt"],
  ["plug one in", "eine anschließen"],
  ["the settings say: no sound", "laut Einstellungen: kein Ton"],
  ["in the settings, audio: {device: null}", "in den Einstellungen: audio: {device: null}"],
  ["plug one in, or start the sound server; then: ./timbrebox devices", "eine anschließen, oder den Soundserver starten; dann: ./timbrebox devices"],
  ["; {} can play {} Hz", "; {} kann {} Hz spielen"],
  ["close it: kill ", "beenden: kill "],
  ["Timbrebox, which plays", "Timbrebox, das spielt"],
  [" (process {})", " (Prozess {})"],
  ["a program", "ein Programm"],
  [", a sound server: several programs can play", ", ein Soundserver: mehrere Programme können spielen"],
  ["none can be found: ", "keine zu finden: "],
  ["see the names: ./timbrebox devices", "die Namen sehen: ./timbrebox devices"],
  ["the drivers do not say what is here: ", "die Treiber sagen nicht, was da ist: "],
  ["the settings ask for {}, which is not here", "die Einstellungen verlangen {}, das nicht da ist"],
  ["this user may not use the sound cards", "dieser Benutzer darf die Soundkarten nicht benutzen"],
  ["find what is large: du -xh ~ | sort -h | tail -20", "Großes finden: du -xh ~ | sort -h | tail -20"],
  ["sounds and recordings", "Klänge und Aufnahmen"],
  ["the last state", "der letzte Zustand"],
  [" cannot be kept: {} is on a disk that can only be read", ": nichts kann gesichert werden: {} liegt auf einer Platte, die man nur lesen kann"],
  [" cannot be kept: this user may not write in ", ": nichts kann gesichert werden: dieser Benutzer darf nicht schreiben in "],
  [", {} minutes of recording", ", {} Minuten Aufnahme"],
  [": nothing can be saved", ": nichts kann gesichert werden"],
  [", and the folders can be written", ", und die Ordner lassen sich beschreiben"],
  [" GB free", " GB frei"],
  [" MB free", " MB frei"],
  ["cannot be told ({}: {})", "nicht festzustellen ({}: {})"],
  ["send us the report: ./timbrebox doctor --report report.txt", "uns den Bericht senden: ./timbrebox doctor --report report.txt"],
  ["no answer within {} s", "keine Antwort in {} s"],
  [", SHA-256 {}…: its operators are known, its card is whole, and it computes what it did when it was made (to {})", ", SHA-256 {}…: seine Operatoren sind bekannt, seine Karte ist ganz, und es rechnet wie damals, als es gemacht wurde (auf {})"],
  ["play another: ./timbrebox play --instrument {}; all: ./timbrebox instruments", "ein anderes spielen: ./timbrebox play --instrument {}; alle: ./timbrebox instruments"],
  [" of {} MB free", " von {} MB frei"],
  ["1 core", "1 Kern"],
  [" cores", " Kerne"],
  [", governor ", ", Regelung "],
  [", full speed (no governor)", ", volles Tempo (ohne Regelung)"],
  [", but busy: {} programs want to run at once", ", aber beschäftigt: {} Programme wollen zugleich rechnen"],
  [": play needs 150, and more for each instrument", ": play braucht 150, und mehr für jedes Instrument"],
  [" degrees Celsius", " Grad Celsius"],
  ["not slowed by heat", "nicht durch Hitze gebremst"],
  ["enough voltage", "genug Spannung"],
  ["this machine does not tell its voltage", "diese Maschine sagt ihre Spannung nicht"],
  ["install the 64-bit system of your machine: onnxruntime needs it", "das 64-Bit-System der Maschine installieren: onnxruntime braucht es"],
  [": not tried", ": nicht erprobt"],
  ["install Python 3.11 to 3.13, then: ./timbrebox play", "Python 3.11 bis 3.13 installieren, dann: ./timbrebox play"],
  [": slow to speed up, so a loud chord may crackle", ": wird langsam schneller, sodass ein lauter Akkord knistern kann"],
  ["see which, and end what you do not need: top", "nachsehen, welche, und beenden, was nicht nötig ist: top"],
  ["see what takes it, and end it: top -o %MEM", "nachsehen, was ihn belegt, und es beenden: top -o %MEM"],
  [" in the past", ", früher"],
  [": near the point where the machine slows down", ": nahe dem Punkt, an dem die Maschine langsamer wird"],
  ["for {}, on {}, {} voices now; {} of {} blocks late, {} underruns", "Dauer {}, Ausgabe {}, jetzt {} Stimmen; {} von {} Blöcken zu spät, {} Aussetzer"],
  [" day(s)", " Tg."],
  [" hour(s)", " Std."],
  [" minute(s)", " Min."],
  ["play with larger blocks: ./timbrebox play --buffer ", "mit größeren Blöcken spielen: ./timbrebox play --buffer "],
  ["Timbrebox sends nothing, and onnxruntime's telemetry is off", "Timbrebox sendet nichts, und die Telemetrie von onnxruntime ist aus"],
  ["what plays has {} connections to other machines, which it has made itself", "was spielt, hat {} Verbindungen zu anderen Maschinen, die es selbst aufgebaut hat"],
  ["; the page answers on this machine only", "; die Seite antwortet nur auf dieser Maschine"],
  ["mend what the other lines name; then this goes by itself, or by a restart", "richten, was die anderen Zeilen nennen; dann vergeht dies von selbst oder mit einem Neustart"],
  ["nothing plays now", "jetzt spielt nichts"],
  ["; it says: ", "; es sagt: "],
  [": too many", ": zu viele"],
  ["onnxruntime's telemetry is on", "die Telemetrie von onnxruntime ist an"],
  ["tell us: this is our mistake", "uns sagen: das ist unser Fehler"],
  ["see which: sudo ss -tunp; then send us the report: this is our mistake", "nachsehen, welche: sudo ss -tunp; dann uns den Bericht senden: das ist unser Fehler"],
  ["; other machines may use the page or OSC, as the settings say", "; andere Maschinen dürfen die Seite oder OSC benutzen, wie es die Einstellungen sagen"],
  ["run it outside of a container, or give the container: --cap-add=SYS_NICE --ulimit memlock=-1", "außerhalb eines Containers laufen lassen, oder dem Container geben: --cap-add=SYS_NICE --ulimit memlock=-1"],
  ["not allowed (rtprio {}): other programs can interrupt the sound", "nicht erlaubt (rtprio {}): andere Programme können den Ton unterbrechen"],
  ["priority allowed, but memory may be swapped out (memlock {} kB)", "Vorrang erlaubt, aber Speicher darf ausgelagert werden (memlock {} kB)"],
  ["priority {} allowed, memory stays out of swap", "Vorrang {} erlaubt, Speicher wird nicht ausgelagert"],
  ["restarted by itself {} time(s)", "von selbst neu gestartet: {} Mal"],
  ["runs; ", "läuft; "],
  ["it was killed", "es wurde abgeschossen"],
  ["it hung, and the watchdog ended it", "es hing, und der Wächter hat es beendet"],
  ["it crashed", "es ist abgestürzt"],
  ["there was too little memory", "es gab zu wenig Speicher"],
  ["it was ended by a signal", "ein Signal hat es beendet"],
  ["it ended with an error", "es endete mit einem Fehler"],
  ["not installed; to play from power-on: sudo ./timbrebox service install", "nicht installiert; um ab dem Einschalten zu spielen: sudo ./timbrebox service install"],
  ["; it does not start with the machine", "; er startet nicht mit der Maschine"],
  [", the last: ", ", zuletzt: "],
  ["never restarted by itself", "nie von selbst neu gestartet"],
  ["it is installed, but {}; ", "er ist installiert, aber {}; "],
  ["has failed", "gescheitert"],
  ["does not run", "läuft nicht"],
  ["see why: journalctl -u {} -n 30; then: sudo systemctl restart ", "nachsehen, warum: journalctl -u {} -n 30; dann: sudo systemctl restart "],
  ["see what came before: journalctl -u {} -n 100", "nachsehen, was davor war: journalctl -u {} -n 100"],
  ["this machine was not started by systemd, so there is none", "diese Maschine wurde nicht von systemd gestartet, also gibt es keinen"],
  ["systemd does not answer", "systemd antwortet nicht"],
  ["see why: systemctl status", "nachsehen, warum: systemctl status"],
  ["99 of 100 blocks take at most {} ms, and have {} ({} voices, {} frames); the slowest took ", "99 von 100 Blöcken brauchen höchstens {} ms und haben {} ({} Stimmen, {} Frames); der langsamste brauchte "],
  ["./timbrebox play --buffer {} (or fewer voices, in the settings: voice: {n_voices: 8})", "./timbrebox play --buffer {} (oder weniger Stimmen, in den Einstellungen: voice: {n_voices: 8})"],
  ["in the settings, fewer voices: voice: {n_voices: 8}", "in den Einstellungen weniger Stimmen: voice: {n_voices: 8}"],
  ["first mend Real time, above; then: ", "erst Echtzeit richten, oben; dann: "],
  [": voices will be dropped, and the sound will break up", ": Stimmen werden wegfallen, und der Ton wird abreißen"],
  [": little room is left", ": es bleibt wenig Spielraum"],
  ["not measured, because that would disturb what plays; see Playing", "nicht gemessen, weil das stören würde, was spielt; siehe Spiel"],
  ["cannot be measured: ", "nicht zu messen: "],
  ["mend the instrument first", "erst das Instrument richten"],
  ["mend what the other lines name, then try again", "richten, was die anderen Zeilen nennen, dann noch einmal prüfen"],
  ["Too little voltage: the machine slows itself down, and the sound may break up", "Zu wenig Spannung: die Maschine bremst sich, und der Ton kann abreißen"],
  ["Too little voltage", "Zu wenig Spannung"],
  ["use the power supply that is made for this machine, with a short cable", "das Netzteil nehmen, das für diese Maschine gemacht ist, mit kurzem Kabel"],
  ["Too hot: the machine slows itself down, and the sound may break up", "Zu heiß: die Maschine bremst sich, und der Ton kann abreißen"],
  ["Too hot", "Zu heiß"],
  ["give it air, a heat sink or a fan", "ihr Luft geben, einen Kühlkörper oder einen Lüfter"],
];
const RULES = ROWS.toSorted(([a], [b]) => b.length - a.length).map(([text, german]) => [pattern(text), german]);

/** A check's name in German. */
export function nameInGerman(name) {
  return NAMES[name] ?? name;
}

/** A finding's text in German, as far as there are rows for it. */
export function inGerman(text) {
  return RULES.reduce((said, [found, german]) => said.replace(found, (...parts) => filled(german, parts.slice(1))), text);
}

function pattern(text) {
  const escaped = (part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const end = text.endsWith("(s)") ? "s?\\b" : "";
  return new RegExp(text.replace(/\(s\)$/, "").split("{}").map(escaped).join("(.+?)") + end, "g");
}

function filled(german, values) {
  let k = 0;
  return german.replace(/\{\}/g, () => values[k++]);
}
