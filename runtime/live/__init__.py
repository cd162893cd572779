"""The engine on a real device: hotplug, heartbeat, start and stop."""
