"""What is asked of the DUT and when: the profile model, expand(), and the library as TOML."""
