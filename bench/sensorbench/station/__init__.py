"""station.toml to opened, identified devices in roles."""
