# tests/bench: programs that measure speed; built by name.
