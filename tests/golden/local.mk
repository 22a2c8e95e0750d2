# tests/golden: traces and digests that must not change.
