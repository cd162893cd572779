"""Effects on the whole sound: reverb, chorus and equaliser; they know neither notes nor instruments."""
