# tests/fuzz: fuzz targets and their corpora.
#
# Configured with --enable-fuzz CC=clang, a target is a fuzzer:
#
#     make tests/fuzz/fuzz_reader
#     tests/fuzz/fuzz_reader -max_len=4096 -dict=tests/fuzz/reader.dict \
#         NEW tests/fuzz/corpus/reader
#
# Otherwise "make check" replays the corpus.  Every finding joins it.

fuzz_targets = tests/fuzz/fuzz_reader

tests_fuzz_fuzz_reader_SOURCES = tests/fuzz/fuzz_reader.c
tests_fuzz_fuzz_reader_CPPFLAGS = $(AM_CPPFLAGS) \
	-DVS_FUZZ_CORPUS='"tests/fuzz/corpus/reader"'

if ENABLE_FUZZ
# The macro that libraries agree on: smaller limits, for speed.
AM_CPPFLAGS += -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
noinst_PROGRAMS += $(fuzz_targets)
tests_fuzz_fuzz_reader_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
else
check_PROGRAMS += $(fuzz_targets)
tests_fuzz_fuzz_reader_SOURCES += tests/fuzz/replay.c
endif
