"""The rack: up to four parts, each an engine, on one clock, with effects on their sum."""
