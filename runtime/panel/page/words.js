// The texts of the page, in English and German. A key without a German text is shown in English.
const EN = {
  "skip": "Skip to the controls",
  "tab.play": "Play", "tab.map": "Map", "tab.sounds": "Sounds", "tab.hands": "Controls", "tabs": "Parts of the page",
  "language": "DE, Sprache: Deutsch", "language.short": "DE",
  "now.previous": "Previous sound", "now.next": "Next sound", "now.none": "Sound without a name", "now.changed": "changed: save", "now.changed.long": "The sound is changed: save it under a name",
  "meter.voices": "{n} voices", "meter.voice": "1 voice", "meter.level": "Level", "meter.silent": "silent",
  "panic": "All notes off", "panic.long": "All notes off, and hold none", "learn.mode": "Learn", "learn.mode.long": "Learn: show at each slider which knob moves it", "learn.mode.how": "Click the mark at a slider, then turn a knob. All that can be moved is in Controls.",
  "lost": "The connection is lost. Trying again …",
  "nothing": "Nothing plays at the moment. The page waits for it: ./timbrebox play",
  "back": "Connected again.",
  "paired": "Paired devices", "paired.code": "To pair another device, open this address there and give it this code:", "paired.this": "this device",
  "paired.seen": "last seen {date}", "paired.end": "End", "paired.end.long": "End the pairing of {name}", "paired.ended": "{name} is paired no more.",
  "pair.code": "Pairing code", "pair.do": "Pair", "pair.where": "The Timbrebox shows the code: in its log, or with ./timbrebox panel --code on the machine itself.",
  "pair.once": "Each device is paired once.", "pair.wrong": "That is not the code.", "pair.wait": "Too many guesses. Try again in {n} s.", "pair.lost": "The Timbrebox does not answer.",
  "keys": "Keyboard", "keys.hold": "Hold", "keys.hold.long": "Hold: notes go on until they are pressed again",
  "keys.lower": "Octave down", "keys.higher": "Octave up", "keys.range": "{first} to {last}", "keys.computer": "Computer keys A to L play; Y or Z and X change the octave.",
  "chroma": "Twelve notes", "chroma.hold": "Hold one", "chroma.hold.long": "Hold one: a note goes on until another is chosen",
  "chroma.octave": "Octave {n}",
  "latents": "Timbre", "shape.part": "The sliders show the first part, {name}, and move all parts.",
  "picture": "What is heard", "picture.heard": "output", "picture.decoded": "decoder, newest note", "picture.harmonics": "harmonics",
  "picture.long": "Spectrum of what is heard, from 30 Hz to 18 kHz, in dB, with the decoder’s spectrum and the harmonics of each note",
  "group.tone": "Tone", "group.filter": "Filter", "group.colour": "Colour", "group.envelope": "Envelope",
  "group.motion": "Motion", "group.place": "Place", "group.morph": "Morph", "group.more": "More",
  "phase_blend": "Breath to tone", "bandwidth": "Bandwidth", "width": "Width", "filter.cutoff": "Cutoff",
  "filter.resonance": "Resonance", "tilt": "Tilt", "odd_even": "Odd to even", "formant": "Formants", "level": "Volume",
  "pan": "Pan", "envelope.attack": "Attack", "envelope.decay": "Decay", "envelope.sustain": "Sustain",
  "envelope.release": "Release", "portamento": "Glide", "vibrato.depth": "Vibrato depth", "vibrato.rate": "Vibrato rate", "lfo_1.rate": "LFO 1 rate", "lfo_2.rate": "LFO 2 rate",
  "morph": "Morph", "morph.x": "Morph across", "morph.y": "Morph up", "reverb": "Reverb", "chorus": "Chorus",
  "envelope.picture": "The envelope as a picture: drag its points, or use the sliders below.",
  "pan.left": "{n} left", "pan.right": "{n} right", "pan.middle": "middle",
  "level.of": "of {name}", "level.parts": "of all parts", "level.why": "Each sound has its own volume: another sound may show another value. A part of a split is as loud as its sound alone.",
  "unit.semitones": "st", "unit.dB per octave": "dB/oct", "unit.cents": "cents",
  "map": "Map of the learned sounds", "map.drag": "Drag the ring, or use the arrow keys. Sounds near each other are alike.",
  "map.plane": "This instrument has no map of its own, so two of its latents span one.",
  "map.across": "Across", "map.up": "Up", "map.note": "Play a note while I drag", "map.ring": "The ring is", "map.near": "Sounds nearest to the ring", "map.between": "between {a} and {b}, nearer to {near}", "map.halfway": "halfway between {a} and {b}", "map.by": "near {name}", "map.at": "at {name}",
  "couple": "Between two sounds", "couple.a": "Between this sound", "couple.b": "and this sound", "couple.none": "choose …", "couple.way": "The way between them", "couple.from": "From {a} to {b}", "couple.off": "off the line",
  "couple.moves": "The small dot wanders because {name} moves by itself; “Stop moving” below the map keeps it at the ring.", "couple.moves.split": "The small dot wanders because {name} moves by itself.",
  "map.go": "Go to {name}", "map.place": "The sound’s place on the map", "map.pins": "Sounds on the map", "map.pin": "Choose {name}",
  "map.set": "The place that you chose.", "map.moves": "The sound moves here by itself while a note sounds.",
  "map.still": "Stop moving", "map.still.long": "Stop moving: the sound stays at the place that you chose", "map.stilled": "{name} does not move by itself now.", "map.colour": "Colours", "map.bysound": "by sound",
  "path.draw": "Draw a path", "path.draw.long": "Draw a path, which becomes a morph",
  "path.drawn": "Morph moves along the line. Save to keep it:",
  "path.again": "Draw another", "path.again.long": "Draw another path, in place of this one",
  "path.how": "Draw a line over the map. With keys: go with the arrows, set a point with Enter.",
  "path.name": "Keep this path as a sound", "path.default": "{name} path", "path.discard": "Discard",
  "path.saved": "{name} is kept. The control Morph moves along the path.",
  "sounds.own": "Your sounds", "sounds.instrument": "Sounds of {name}", "sounds.none": "None yet. Shape a sound and save it here.",
  "sounds.find": "Find a sound", "sounds.nothing": "No sound has this in its name.", "sounds.name": "Name for the sound as it is now",
  "sounds.save": "Save", "sounds.saved": "Saved as {name}.", "sounds.replaced": "Saved as {name}. The one before is kept.",
  "sounds.rename": "Rename", "sounds.rename.long": "Rename {name}", "sounds.new": "New name for {name}",
  "sounds.copy": "Copy", "sounds.copy.long": "Copy {name}", "sounds.copyname": "{name} copy",
  "sounds.delete": "Delete", "sounds.delete.long": "Delete {name}", "sounds.deleted": "{name} is deleted.", "undo": "Undo",
  "sounds.filter": "Show only", "sounds.favourites": "Favourites", "sounds.favourite": "Favourite: {name}", "sounds.nofavourite": "No favourites here.", "sounds.only": "Only {name}",
  "sounds.hear": "Hear {name} while this is held", "sounds.hear.how": "Hold to hear a phrase", "sounds.heard": "{name} plays.", "sounds.back": "Back to {name}",
  "sounds.more": "More for {name}", "sounds.tags": "Tags", "sounds.tags.long": "Tags of {name}", "sounds.tags.how": "Tags, with commas between",
  "sounds.parts": "Layers", "sounds.parts.long": "Layers of {name}",
  "layers": "Layers and splits", "layers.how": "Up to four sounds on one keyboard.", "layers.name": "Name of the split", "layers.default": "Split",
  "layers.part": "Part {n}", "layers.sound": "Sound", "layers.instrument": "Instrument", "layers.any": "as the sound says", "layers.channel": "MIDI channel", "layers.all": "all",
  "layers.left": "Left hand, up to", "layers.right": "Right hand, from", "layers.lowest": "Lowest key", "layers.highest": "Highest key", "layers.softest": "Softest touch", "layers.hardest": "Hardest touch",
  "layers.transpose": "Transpose, st", "layers.level_db": "Level, dB", "layers.pan": "Pan, -1 to 1", "layers.send": "Send, 0 to 1",
  "layers.add": "Add a part", "layers.remove": "Remove", "layers.remove.long": "Remove part {n}", "layers.save": "Save and play", "layers.saved": "{name} is kept, and plays.", "layers.kept": "{name} is kept, but does not play yet.", "layers.rest": "More",
  "left": "Your changes to {name} were not saved.", "left.back": "Bring them back", "left.notes": "Notes that sound keep their sound. Press the key again to hear {name}.", "left.back.of": "Bring back the changes to {name}",
  "ok": "OK", "cancel": "Cancel", "close": "Close",
  "instruments": "Instruments", "instrument.playing": "playing", "instrument.play": "Play {name}",
  "instrument.fixed": "Another one: ./timbrebox play --instrument NAME",
  "card": "About {name}", "card.licence": "Licence", "card.sources": "Sources", "card.latents": "Latents", "card.notes": "Notes",
  "card.tune": "In tune", "card.measured": "measured at {n} knob positions",
  "hands": "What moves what", "hands.cannot": "This play cannot learn controls. Its settings file can name them: docs/engine.md.",
  "hands.how": "Choose Learn at a target, then move a knob or fader of your keyboard.", "hands.arrived": "What arrives",
  "hands.nothing": "Nothing since this page was opened.", "hands.ports": "MIDI inputs", "hands.noport": "None yet. Plug a keyboard in.",
  "hands.target": "Target", "hands.moved": "Moved by", "hands.learn": "Learn", "hands.learn.long": "Learn a control for {name}",
  "hands.default": "default", "hands.acts": "What to do", "hands.forget": "Forget", "hands.forget.long": "Forget: {what} moves {name} no more", "hands.forgotten": "Forgotten: {what} moves {name} no more.",
  "hands.wait": "Now turn a knob for {name}, or move a fader …", "hands.learned": "{what} now moves {name}.", "hands.timeout": "No control moved for {name}.",
  "hands.wait.noport": "There is no MIDI input yet: plug a keyboard in.", "hands.waits": "turn a knob now …", "hands.stop": "Learn nothing for {name}", "hands.stopped": "Nothing is learned.",
  "action.next_sound": "Next sound", "action.previous_sound": "Previous sound", "action.next_instrument": "Next instrument",
  "action.previous_instrument": "Previous instrument", "action.save": "Save", "action.panic": "All notes off", "action.learn": "Learn",
  "action.record": "Record", "action.tap_tempo": "Tap tempo",
  "latent.brightness": "Brightness", "latent.hollowness": "Hollowness", "latent.body": "Body", "latent.noise": "Noise",
  "tab.files": "Files", "files.recordings": "Recordings", "files.record": "Record", "files.record.stop": "Stop recording",
  "files.format": "Format of the recording", "files.before": "What was played before", "files.before.none": "from now on",
  "files.before.s": "with the {s} s before", "files.recordings.none": "None yet. Record what you play, then download it here.",
  "files.download": "Download", "files.download.long": "Download {name} ({size})",
  "files.drop": "Play and turn into sounds", "files.drop.how": "Drop a MIDI file here: it becomes a WAV, played with the sound as it is now. Drop a recording of a note: it becomes a sound.",
  "files.midi": "Choose a MIDI file", "files.recording": "Choose a recording", "files.large": "{name} is too large: at most {mb} MB.",
  "files.coming": "{name} is being sent …", "files.doing.midi": "{name} is being played …", "files.doing.recording": "Listening to {name} …",
  "files.doing.sound": "Looking at {name} …", "files.left": "{time} left", "files.taken": "{name} is now among your sounds.",
  "files.found": "What was found in {name}", "files.original": "The recording", "files.original.not": "This browser cannot play this recording.",
  "files.hear": "Hear", "files.hear.long": "Hear candidate {n}", "files.keep": "Keep", "files.keep.name": "Name of the sound",
  "files.back": "Back to the sound before", "files.nearest": "nearest that it was taught: {name}, {db} dB", "files.no.note": "no single note",
  "files.kind.first": "As heard", "files.kind.steady": "Steady", "files.kind.an octave up": "An octave up", "files.kind.an octave down": "An octave down",
  "far.very": "very near the recording", "far.near": "near the recording", "far.like": "similar to the recording", "far.off": "far from the recording",
  "files.sounds": "Sounds as files", "files.sounds.how": "Download one of your sounds as a file, for another machine or a friend, or bring such a file in.",
  "files.sound": "A sound of yours", "files.sound.take": "Bring in a sound’s file",
  "files.doing.make": "Making {name} …", "files.doing.taught": "{name} …", "files.step.listening": "listening", "files.step.training": "learning",
  "files.instrument": "Make an instrument", "files.instrument.how": "Recordings of single notes, of one sound or of several, become an instrument. This takes minutes, and the machine is busy meanwhile.",
  "files.recordings.choose": "Choose recordings", "files.taught": "{n} recordings, {size}", "files.make": "Make", "files.make.name": "Name of the instrument",
  "files.make.minutes": "Time to spend", "files.make.time": "as long as it needs", "files.make.n": "{n} minutes", "files.forget": "Forget",
  "files.forget.long": "Forget these recordings", "files.previews": "How far it is:", "files.preview": "Hear preview {n}", "files.made": "{name} is made.",
  "record": "Record", "record.long": "Record what is heard; once more ends it",
  "hands.off": "off", "hands.off.short": "{what} off", "hands.off.long": "Switch {what} off for {name}", "hands.off.what": "Switch {what} off", "hands.is.off": "{what} moves {name} no more.", "hands.on": "{what} on again", "hands.is.on": "{what} moves {name} again.",
  "hands.on.long": "Switch {what} on again for {name}", "hands.undone": "Undone: the knobs move what they moved before.",
  "hands.mark.forget": "Forget {what} for {name}", "hands.mark.long": "{name} is moved by {what}: change this", "hands.replaces": "{what} moves {name}. Turn another control to replace it.", "hands.adds": "{what} moves {name}, as its map says. Turn another control, and it moves {name}, too.", "hands.is.learned": "learned", "hands.arrived.what": "what",
  "hands.arrived.value": "value", "hands.arrived.channel": "channel", "hands.arrived.input": "input", "kind.PitchWheel": "Pitch wheel",
  "kind.Aftertouch": "Pressure", "kind.PolyTouch": "Key pressure", "kind.ProgramChange": "Program", "problem.No MIDI input yet": "No MIDI input yet", "problem.No sound card yet": "No sound card yet",
  "tab.box": "Box", "box.now": "How it plays",
  "box.card": "Sound card", "box.card.none": "none: silent", "box.rate": "Rate and block", "box.rate.text": "{khz} kHz, {n} frames ({ms} ms)",
  "box.latency": "From a key to the sound", "box.load": "Load", "box.load.text": "last 2 s: {mean} %, at most {most} %",
  "box.load.minutes": "at most {most} % in the last 5 minutes", "box.lost": "Lost blocks",
  "box.lost.text": "{late} late, {underruns} underruns, of {n}", "box.lost.minutes": "{n} in the last 5 minutes", "box.priority": "Real-time priority",
  "box.priority.yes": "yes", "box.priority.no": "no: see the doctor", "box.input.here": "connected", "box.input.gone": "unplugged",
  "box.input.learned": "{n} learned", "box.curve": "Touch", "box.curve.soft": "soft: loud at once", "box.curve.linear": "even",
  "box.curve.hard": "hard: loud only if struck", "box.curve.own": "from its map", "box.curve.chosen": "{name}: {curve}", "box.doctor": "Doctor",
  "box.doctor.how": "Looks at the machine, the sound card, the keyboards and the instrument. Takes up to half a minute and changes nothing.",
  "box.examine": "Examine", "box.examining": "Examining …", "box.summary": "{bad} bad, {mend} to mend, {good} good.", "box.allgood": "All is good.",
  "box.verdict.good": "good", "box.verdict.to mend": "to mend", "box.verdict.bad": "bad", "box.mend": "To mend it:", "box.settings": "Settings",
  "box.default": "Default", "box.default.long": "{name}: back to the default", "box.default.is": "Default: {value}.",
  "box.setting.start": "A change takes effect at the next start.", "box.setting.waits": "What you have changed takes effect at the next start.",
  "box.frames": "{n} frames", "setting.buffer_frames": "Block", "setting.buffer_frames.how": "Small blocks answer sooner; large ones crackle less.",
  "setting.a4_hz": "Pitch of A4, in Hz", "setting.a4_hz.how": "415 to 466 Hz.", "setting.n_voices": "Most voices at once",
  "setting.n_voices.how": "Fewer need less of the machine.", "setting.chime": "Chime at the start",
  "setting.chime.how": "Four notes say that it plays.", "setting.chime.null": "only if it starts by itself, as a service", "setting.chime.true": "always",
  "setting.chime.false": "never", "power.restart": "Start Timbrebox again", "power.restart.sure": "Really? The music stops",
  "power.restart.done": "It starts again.", "power.reboot": "Restart the machine", "power.reboot.sure": "Really restart it?",
  "power.reboot.done": "The machine restarts.", "power.power_off": "Power off", "power.power_off.sure": "Really power off?",
  "power.power_off.done": "The machine powers off.",
  "update": "Update", "update.present": "Version {version} plays.", "update.choose": "Choose an update", "update.do": "Send and install",
  "update.sure": "{name} ({mb} MB): the music stops for some seconds.", "update.waiting": "The update has arrived …",
  "update.stuck": "The update has arrived, but nothing takes it. On the machine: sudo systemctl reset-failed timbrebox-update.service; sudo systemctl restart timbrebox-update.path",
  "update.checking": "The update is being checked …", "update.installing": "Version {version} is being installed …", "update.done": "Version {version} plays now.",
  "update.signer": "Signed by {signer}.", "update.reload": "Load the new page", "update.why.file": "The update cannot be used.", "update.why.other": "The update cannot be installed now.",
  "update.why.signature": "The update is not signed by anyone whom this box trusts.", "update.why.version": "Version {version} is not newer than {present}, which plays.",
  "update.why.packages": "Version {version} needs other Python packages.", "update.why.start": "Version {version} did not get ready.",
};
const DE = {
  "skip": "Zu den Reglern springen",
  "tab.play": "Spielen", "tab.map": "Karte", "tab.sounds": "Klänge", "tab.hands": "Regler", "tabs": "Teile der Seite",
  "language": "EN, Language: English", "language.short": "EN",
  "now.previous": "Voriger Klang", "now.next": "Nächster Klang", "now.none": "Klang ohne Namen", "now.changed": "geändert: sichern", "now.changed.long": "Der Klang ist geändert: sichern unter einem Namen",
  "meter.voices": "{n} Stimmen", "meter.voice": "1 Stimme", "meter.level": "Pegel", "meter.silent": "still",
  "panic": "Alle Töne aus", "panic.long": "Alle Töne aus, und nichts mehr halten", "learn.mode": "Lernen", "learn.mode.long": "Lernen: an jedem Regler zeigen, welcher Knopf ihn bewegt", "learn.mode.how": "Die Marke an einem Regler anklicken, dann einen Knopf drehen. Alles, was sich bewegen lässt, steht unter „Regler“.",
  "lost": "Die Verbindung ist weg. Neuer Versuch …",
  "nothing": "Zurzeit spielt nichts. Die Seite wartet darauf: ./timbrebox play",
  "back": "Wieder verbunden.",
  "paired": "Gekoppelte Geräte", "paired.code": "Ein weiteres Gerät koppeln: dort diese Adresse öffnen und diesen Code eingeben:", "paired.this": "dieses Gerät",
  "paired.seen": "zuletzt gesehen {date}", "paired.end": "Beenden", "paired.end.long": "Die Kopplung von {name} beenden", "paired.ended": "{name} ist nicht mehr gekoppelt.",
  "pair.code": "Code zum Koppeln", "pair.do": "Koppeln", "pair.where": "Die Timbrebox zeigt den Code: in ihrem Protokoll, oder mit ./timbrebox panel --code am Gerät selbst.",
  "pair.once": "Jedes Gerät wird einmal gekoppelt.", "pair.wrong": "Das ist nicht der Code.", "pair.wait": "Zu viele Versuche. In {n} s noch einmal.", "pair.lost": "Die Timbrebox antwortet nicht.",
  "keys": "Tastatur", "keys.hold": "Halten", "keys.hold.long": "Halten: Töne klingen weiter, bis man sie wieder drückt",
  "keys.lower": "Oktave tiefer", "keys.higher": "Oktave höher", "keys.range": "{first} bis {last}", "keys.computer": "Die Computertasten A bis L spielen; Y oder Z und X wechseln die Oktave.",
  "chroma": "Zwölf Töne", "chroma.hold": "Einen halten", "chroma.hold.long": "Einen halten: ein Ton klingt, bis ein anderer gewählt wird",
  "chroma.octave": "Oktave {n}",
  "latents": "Klangfarbe", "shape.part": "Die Regler zeigen den ersten Teil, {name}, und bewegen alle Teile.",
  "picture": "Was man hört", "picture.heard": "Ausgang", "picture.decoded": "Decoder, neuester Ton", "picture.harmonics": "Obertöne",
  "picture.long": "Spektrum dessen, was man hört, von 30 Hz bis 18 kHz, in dB, mit dem Spektrum des Decoders und den Obertönen jedes Tons",
  "group.tone": "Ton", "group.filter": "Filter", "group.colour": "Farbe", "group.envelope": "Hüllkurve",
  "group.motion": "Bewegung", "group.place": "Ort", "group.morph": "Überblenden", "group.more": "Mehr",
  "phase_blend": "Hauch bis Ton", "bandwidth": "Bandbreite", "width": "Breite", "filter.cutoff": "Grenzfrequenz",
  "filter.resonance": "Resonanz", "tilt": "Neigung", "odd_even": "Ungerade bis gerade", "formant": "Formanten", "level": "Lautstärke",
  "pan": "Panorama", "envelope.attack": "Anstieg", "envelope.decay": "Abfall", "envelope.sustain": "Sustain",
  "envelope.release": "Ausklang", "portamento": "Gleiten", "vibrato.depth": "Vibrato-Tiefe", "vibrato.rate": "Vibrato-Tempo", "lfo_1.rate": "LFO-1-Tempo", "lfo_2.rate": "LFO-2-Tempo",
  "morph": "Überblenden", "morph.x": "Überblenden quer", "morph.y": "Überblenden hoch", "reverb": "Hall", "chorus": "Chorus",
  "envelope.picture": "Die Hüllkurve als Bild: ihre Punkte lassen sich ziehen; darunter die Regler.",
  "pan.left": "{n} links", "pan.right": "{n} rechts", "pan.middle": "Mitte",
  "level.of": "von {name}", "level.parts": "aller Teile", "level.why": "Jeder Klang hat seine eigene Lautstärke: ein anderer zeigt vielleicht einen anderen Wert. Ein Teil eines Splits ist so laut wie sein Klang allein.",
  "unit.semitones": "HT", "unit.dB per octave": "dB/Okt", "unit.cents": "Cent",
  "map": "Karte der gelernten Klänge", "map.drag": "Den Ring ziehen, oder mit Pfeiltasten. Nahe Klänge sind ähnlich.",
  "map.plane": "Dieses Instrument hat keine eigene Karte; zwei seiner latenten Regler spannen eine auf.",
  "map.across": "Quer", "map.up": "Hoch", "map.note": "Beim Ziehen einen Ton spielen", "map.ring": "Der Ring ist", "map.near": "Die Klänge, die dem Ring am nächsten sind", "map.between": "zwischen {a} und {b}, näher an {near}", "map.halfway": "in der Mitte zwischen {a} und {b}", "map.by": "in der Nähe von {name}", "map.at": "bei {name}",
  "couple": "Zwischen zwei Klängen", "couple.a": "Zwischen diesem Klang", "couple.b": "und diesem Klang", "couple.none": "wählen …", "couple.way": "Der Weg dazwischen", "couple.from": "Von {a} bis {b}", "couple.off": "neben der Linie",
  "couple.moves": "Der kleine Punkt wandert, weil {name} sich von selbst bewegt; „Stillhalten“ unter der Karte hält ihn beim Ring.", "couple.moves.split": "Der kleine Punkt wandert, weil {name} sich von selbst bewegt.",
  "map.go": "Gehe zu {name}", "map.place": "Der Ort des Klangs auf der Karte", "map.pins": "Klänge auf der Karte", "map.pin": "{name} wählen",
  "map.set": "Der gewählte Ort.", "map.moves": "Hierher bewegt sich der Klang von selbst, solange ein Ton klingt.",
  "map.still": "Stillhalten", "map.still.long": "Stillhalten: der Klang bleibt am gewählten Ort", "map.stilled": "{name} bewegt sich jetzt nicht mehr von selbst.", "map.colour": "Farben", "map.bysound": "nach Klang",
  "path.draw": "Weg zeichnen", "path.draw.long": "Einen Weg zeichnen, durch den überblendet wird",
  "path.drawn": "„Überblenden“ geht die Linie ab. Behalten:",
  "path.again": "Neu zeichnen", "path.again.long": "Neu zeichnen: ein anderer Weg statt dieses",
  "path.how": "Eine Linie über die Karte ziehen. Mit Tasten: mit den Pfeilen gehen, mit Enter einen Punkt setzen.",
  "path.name": "Diesen Weg als Klang sichern", "path.default": "{name} Weg", "path.discard": "Verwerfen",
  "path.saved": "{name} ist gesichert. Der Regler „Überblenden“ bewegt sich auf dem Weg.",
  "sounds.own": "Eigene Klänge", "sounds.instrument": "Klänge von {name}", "sounds.none": "Noch keine. Einen Klang formen und hier sichern.",
  "sounds.find": "Klang suchen", "sounds.nothing": "Kein Klang hat das im Namen.", "sounds.name": "Name für den Klang, wie er jetzt ist",
  "sounds.save": "Sichern", "sounds.saved": "Gesichert als {name}.", "sounds.replaced": "Gesichert als {name}. Der vorige ist aufgehoben.",
  "sounds.rename": "Umbenennen", "sounds.rename.long": "{name} umbenennen", "sounds.new": "Neuer Name für {name}",
  "sounds.copy": "Kopieren", "sounds.copy.long": "{name} kopieren", "sounds.copyname": "{name} Kopie",
  "sounds.delete": "Löschen", "sounds.delete.long": "{name} löschen", "sounds.deleted": "{name} ist gelöscht.", "undo": "Rückgängig",
  "sounds.filter": "Nur zeigen", "sounds.favourites": "Favoriten", "sounds.favourite": "Favorit: {name}", "sounds.nofavourite": "Hier sind keine Favoriten.", "sounds.only": "Nur {name}",
  "sounds.hear": "{name} hören, solange man hält", "sounds.hear.how": "Halten, um etwas zu hören", "sounds.heard": "{name} spielt.", "sounds.back": "Zurück zu {name}",
  "sounds.more": "Mehr zu {name}", "sounds.tags": "Schlagwörter", "sounds.tags.long": "Schlagwörter von {name}", "sounds.tags.how": "Schlagwörter, mit Kommas dazwischen",
  "sounds.parts": "Ebenen", "sounds.parts.long": "Ebenen von {name}",
  "layers": "Ebenen und Splits", "layers.how": "Bis zu vier Klänge auf einer Tastatur.", "layers.name": "Name der Teilung", "layers.default": "Geteilt",
  "layers.part": "Teil {n}", "layers.sound": "Klang", "layers.instrument": "Instrument", "layers.any": "wie der Klang sagt", "layers.channel": "MIDI-Kanal", "layers.all": "alle",
  "layers.left": "Linke Hand, bis", "layers.right": "Rechte Hand, ab", "layers.lowest": "Tiefste Taste", "layers.highest": "Höchste Taste", "layers.softest": "Leisester Anschlag", "layers.hardest": "Stärkster Anschlag",
  "layers.transpose": "Versatz, HT", "layers.level_db": "Pegel, dB", "layers.pan": "Panorama, -1 bis 1", "layers.send": "Effektanteil, 0 bis 1",
  "layers.add": "Teil dazu", "layers.remove": "Entfernen", "layers.remove.long": "Teil {n} entfernen", "layers.save": "Sichern und spielen", "layers.saved": "{name} ist gesichert und spielt.", "layers.kept": "{name} ist gesichert, spielt aber noch nicht.", "layers.rest": "Mehr",
  "left": "Die Änderungen an {name} wurden nicht gesichert.", "left.back": "Zurückholen", "left.notes": "Klingende Töne behalten ihren Klang. Die Taste neu drücken, um {name} zu hören.", "left.back.of": "Änderungen an {name} zurückholen",
  "ok": "OK", "cancel": "Abbrechen", "close": "Schließen",
  "instruments": "Instrumente", "instrument.playing": "spielt", "instrument.play": "{name} spielen",
  "instrument.fixed": "Ein anderes: ./timbrebox play --instrument NAME",
  "card": "Über {name}", "card.licence": "Lizenz", "card.sources": "Quellen", "card.latents": "Latente Regler", "card.notes": "Töne",
  "card.tune": "Rein gestimmt", "card.measured": "gemessen an {n} Stellungen",
  "hands": "Was bewegt was", "hands.cannot": "Dieses Programm kann keine Regler lernen. Die Einstellungen können sie nennen: docs/engine.md.",
  "hands.how": "Bei einem Ziel „Lernen“ wählen, dann einen Regler der Klaviatur bewegen.", "hands.arrived": "Was ankommt",
  "hands.nothing": "Nichts, seit diese Seite offen ist.", "hands.ports": "MIDI-Eingänge", "hands.noport": "Noch keine. Eine Klaviatur anschließen.",
  "hands.target": "Ziel", "hands.moved": "Bewegt von", "hands.learn": "Lernen", "hands.learn.long": "Einen Regler für {name} lernen",
  "hands.default": "Vorgabe", "hands.acts": "Was zu tun ist", "hands.forget": "Vergessen", "hands.forget.long": "Vergessen: {what} bewegt {name} nicht mehr", "hands.forgotten": "Vergessen: {what} bewegt {name} nicht mehr.",
  "hands.wait": "Jetzt einen Knopf für {name} drehen, oder einen Regler schieben …", "hands.learned": "{what} bewegt jetzt {name}.", "hands.timeout": "Für {name} wurde nichts bewegt.",
  "hands.wait.noport": "Noch gibt es keinen MIDI-Eingang: eine Klaviatur anschließen.", "hands.waits": "jetzt einen Knopf drehen …", "hands.stop": "Für {name} nichts lernen", "hands.stopped": "Nichts wird gelernt.",
  "action.next_sound": "Nächster Klang", "action.previous_sound": "Voriger Klang", "action.next_instrument": "Nächstes Instrument",
  "action.previous_instrument": "Voriges Instrument", "action.save": "Sichern", "action.panic": "Alle Töne aus", "action.learn": "Lernen",
  "action.record": "Aufnehmen", "action.tap_tempo": "Tempo tippen",
  "latent.brightness": "Helligkeit", "latent.hollowness": "Hohlheit", "latent.body": "Körper", "latent.noise": "Rauschen",
  "tab.files": "Dateien", "files.recordings": "Aufnahmen", "files.record": "Aufnehmen", "files.record.stop": "Aufnahme beenden",
  "files.format": "Format der Aufnahme", "files.before": "Was vorher gespielt wurde", "files.before.none": "ab jetzt",
  "files.before.s": "mit den {s} s davor", "files.recordings.none": "Noch keine. Aufnehmen, was man spielt, und hier herunterladen.",
  "files.download": "Herunterladen", "files.download.long": "{name} herunterladen ({size})",
  "files.drop": "Spielen und zu Klängen machen", "files.drop.how": "Eine MIDI-Datei hier ablegen: sie wird mit dem Klang, wie er jetzt ist, zu einer WAV-Datei. Die Aufnahme eines Tons ablegen: sie wird ein Klang.",
  "files.midi": "MIDI-Datei wählen", "files.recording": "Aufnahme wählen", "files.large": "{name} ist zu groß: höchstens {mb} MB.",
  "files.coming": "{name} wird gesendet …", "files.doing.midi": "{name} wird gespielt …", "files.doing.recording": "{name} wird angehört …",
  "files.doing.sound": "{name} wird angesehen …", "files.left": "noch {time}", "files.taken": "{name} ist jetzt bei den eigenen Klängen.",
  "files.found": "Gefunden in {name}", "files.original": "Die Aufnahme", "files.original.not": "Dieser Browser kann diese Aufnahme nicht spielen.",
  "files.hear": "Hören", "files.hear.long": "Vorschlag {n} hören", "files.keep": "Behalten", "files.keep.name": "Name des Klangs",
  "files.back": "Zurück zum Klang davor", "files.nearest": "am nächsten vom Gelernten: {name}, {db} dB", "files.no.note": "kein einzelner Ton",
  "files.kind.first": "Wie gehört", "files.kind.steady": "Gleichbleibend", "files.kind.an octave up": "Eine Oktave höher", "files.kind.an octave down": "Eine Oktave tiefer",
  "far.very": "sehr nahe an der Aufnahme", "far.near": "nahe an der Aufnahme", "far.like": "der Aufnahme ähnlich", "far.off": "weit von der Aufnahme",
  "files.sounds": "Klänge als Dateien", "files.sounds.how": "Einen eigenen Klang als Datei herunterladen, für ein anderes Gerät oder jemand anderen, oder eine solche Datei einlesen.",
  "files.sound": "Ein eigener Klang", "files.sound.take": "Klang-Datei einlesen",
  "files.doing.make": "{name} wird gemacht …", "files.doing.taught": "{name} …", "files.step.listening": "hört zu", "files.step.training": "lernt",
  "files.instrument": "Ein Instrument machen", "files.instrument.how": "Aufnahmen einzelner Töne, von einem Klang oder mehreren, werden ein Instrument. Das dauert Minuten, und die Maschine hat so lange zu tun.",
  "files.recordings.choose": "Aufnahmen wählen", "files.taught": "{n} Aufnahmen, {size}", "files.make": "Machen", "files.make.name": "Name des Instruments",
  "files.make.minutes": "Wie lange", "files.make.time": "so lange es braucht", "files.make.n": "{n} Minuten", "files.forget": "Vergessen",
  "files.forget.long": "Diese Aufnahmen vergessen", "files.previews": "So weit ist es:", "files.preview": "Probe {n} hören", "files.made": "{name} ist fertig.",
  "record": "Aufnehmen", "record.long": "Aufnehmen, was man hört; noch einmal beendet es",
  "hands.off": "aus", "hands.off.short": "{what} aus", "hands.off.long": "{what} für {name} ausschalten", "hands.off.what": "{what} ausschalten", "hands.is.off": "{what} bewegt {name} nicht mehr.", "hands.on": "{what} wieder an", "hands.is.on": "{what} bewegt {name} wieder.",
  "hands.on.long": "{what} für {name} wieder anschalten", "hands.undone": "Zurückgenommen: die Regler bewegen, was sie vorher bewegten.",
  "hands.mark.forget": "{what} für {name} vergessen", "hands.mark.long": "{name} wird von {what} bewegt: dies ändern", "hands.replaces": "{what} bewegt {name}. Ein anderer Regler, jetzt gedreht, ersetzt ihn.", "hands.adds": "{what} bewegt {name}, wie es die Belegung sagt. Ein anderer Regler, jetzt gedreht, bewegt {name} auch.", "hands.is.learned": "gelernt", "hands.arrived.what": "was",
  "hands.arrived.value": "Wert", "hands.arrived.channel": "Kanal", "hands.arrived.input": "Eingang", "kind.PitchWheel": "Tonhöhenrad",
  "kind.Aftertouch": "Tastendruck", "kind.PolyTouch": "Druck einer Taste", "kind.ProgramChange": "Programm", "problem.No MIDI input yet": "Noch kein MIDI-Eingang", "problem.No sound card yet": "Noch keine Soundkarte",
  "tab.box": "Gerät",
  "box.now": "Wie es läuft", "box.card": "Soundkarte", "box.card.none": "keine: stumm", "box.rate": "Rate und Block",
  "box.rate.text": "{khz} kHz, {n} Frames ({ms} ms)", "box.latency": "Von der Taste zum Klang", "box.load": "Last",
  "box.load.text": "letzte 2 s: {mean} %, höchstens {most} %", "box.load.minutes": "höchstens {most} % in den letzten 5 Minuten", "box.lost": "Verlorene Blöcke",
  "box.lost.text": "{late} zu spät, {underruns} Aussetzer, von {n}", "box.lost.minutes": "{n} in den letzten 5 Minuten",
  "box.priority": "Echtzeit-Vorrang", "box.priority.yes": "ja", "box.priority.no": "nein: siehe Prüfung", "box.input.here": "verbunden",
  "box.input.gone": "abgezogen", "box.input.learned": "{n} gelernt", "box.curve": "Anschlag", "box.curve.soft": "weich: gleich laut",
  "box.curve.linear": "gleichmäßig", "box.curve.hard": "hart: laut nur mit Kraft", "box.curve.own": "aus der Belegung",
  "box.curve.chosen": "{name}: {curve}", "box.doctor": "Prüfung",
  "box.doctor.how": "Sieht nach Maschine, Soundkarte, Klaviaturen und Instrument. Dauert bis zu einer halben Minute und ändert nichts.",
  "box.examine": "Prüfen", "box.examining": "Es wird geprüft …", "box.summary": "{bad} schlecht, {mend} zu richten, {good} gut.",
  "box.allgood": "Alles ist gut.", "box.verdict.good": "gut", "box.verdict.to mend": "zu richten", "box.verdict.bad": "schlecht",
  "box.mend": "So geht es:", "box.settings": "Einstellungen", "box.default": "Vorgabe", "box.default.long": "{name}: zurück zur Vorgabe",
  "box.default.is": "Vorgabe: {value}.", "box.setting.start": "Sie gelten ab dem nächsten Start.",
  "box.setting.waits": "Was geändert wurde, gilt ab dem nächsten Start.", "box.frames": "{n} Frames", "setting.buffer_frames": "Block",
  "setting.buffer_frames.how": "Kleine Blöcke antworten schneller, große knistern weniger.", "setting.a4_hz": "Kammerton A4, in Hz",
  "setting.a4_hz.how": "415 bis 466 Hz.", "setting.n_voices": "Höchstens so viele Stimmen",
  "setting.n_voices.how": "Weniger brauchen weniger von der Maschine.", "setting.chime": "Klang beim Start",
  "setting.chime.how": "Vier Töne sagen, dass es spielt.", "setting.chime.null": "nur wenn es von selbst startet, als Dienst", "setting.chime.true": "immer",
  "setting.chime.false": "nie", "power.restart": "Timbrebox neu starten", "power.restart.sure": "Wirklich? Die Musik endet",
  "power.restart.done": "Es startet neu.", "power.reboot": "Maschine neu starten", "power.reboot.sure": "Wirklich neu starten?",
  "power.reboot.done": "Die Maschine startet neu.", "power.power_off": "Ausschalten", "power.power_off.sure": "Wirklich ausschalten?",
  "power.power_off.done": "Die Maschine schaltet sich aus.",
  "update": "Neue Version", "update.present": "Version {version} spielt.", "update.choose": "Update wählen", "update.do": "Senden und einspielen",
  "update.sure": "{name} ({mb} MB): die Musik hört einige Sekunden auf.", "update.waiting": "Das Update ist angekommen …",
  "update.stuck": "Das Update ist angekommen, aber nichts nimmt es. An der Maschine: sudo systemctl reset-failed timbrebox-update.service; sudo systemctl restart timbrebox-update.path",
  "update.checking": "Das Update wird geprüft …", "update.installing": "Version {version} wird eingespielt …", "update.done": "Version {version} spielt jetzt.",
  "update.signer": "Unterschrieben von {signer}.", "update.reload": "Neue Seite laden", "update.why.file": "Das Update ist nicht zu gebrauchen.", "update.why.other": "Das Update lässt sich gerade nicht einspielen.",
  "update.why.signature": "Das Update ist von niemandem unterschrieben, dem dieses Gerät traut.", "update.why.version": "Version {version} ist nicht neuer als {present}, die spielt.",
  "update.why.packages": "Version {version} braucht andere Python-Pakete.", "update.why.start": "Version {version} wurde nicht bereit.",
};

const KEPT = "timbrebox.language";
export const language = kept() ?? (navigator.language.startsWith("de") ? "de" : "en");
const words = language === "de" ? { ...EN, ...DE } : EN;

function kept() {
  try {
    const found = localStorage.getItem(KEPT);
    return found === "de" || found === "en" ? found : null;
  } catch {
    return null; // the browser forbids storage
  }
}

const leaving = []; // called before a change of language

/** Keep a value over a change of language; read: returns the value for JSON; write: receives it in the new page. */
export function handOver(name, read, write) {
  const key = `${KEPT}.${name}`;
  try {
    const found = sessionStorage.getItem(key);
    sessionStorage.removeItem(key);
    if (found !== null) write(JSON.parse(found));
  } catch {
    return; // the browser forbids storage
  }
  leaving.push(() => sessionStorage.setItem(key, JSON.stringify(read())));
}

/** Show the page in the other language. */
export function switchLanguage() {
  try {
    for (const keep of leaving) keep();
    localStorage.setItem(KEPT, language === "de" ? "en" : "de");
  } finally {
    location.reload();
  }
}

/** The text of a key, with {name} replaced; a key without a text is shown as it is. */
export function t(key, values = {}) {
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** A number as written in the page's language. */
export function number(value, digits = 0) {
  return value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

const PITCHES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];

/** The name of a pitch class, 0 for C. */
export function pitchName(chroma) {
  return language === "de" && chroma === 11 ? "H" : language === "de" && chroma === 10 ? "B" : PITCHES[chroma];
}

/** The name of a MIDI note, such as C4 for 60. */
export function noteName(note) {
  return `${pitchName(note % 12)}${Math.floor(note / 12) - 1}`;
}

/** Notes' names with their frequencies in Hz. */
export function hzText(hz) {
  const said = (each) => `${noteName(Math.max(0, Math.round(69 + 12 * Math.log2(each / 440))))} ${number(each, each < 1000 ? 1 : 0)} Hz`;
  return [...new Set([...hz].map(said))].join("   ");
}

/** The name of a target for people. */
export function targetName(target) {
  if (target in words) return t(target);
  if (target.startsWith("latent.")) {
    const name = target.slice("latent.".length);
    return name.charAt(0).toUpperCase() + name.slice(1);
  }
  return `action.${target}` in words ? t(`action.${target}`) : target;
}
