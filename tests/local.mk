# tests: the tree of libsim/ and models/ again, and the tests of the whole.
#
# A CUnit program:  check_PROGRAMS += tests/base/test_units
#                   tests_base_test_units_SOURCES = tests/base/test_units.c
# A script:         script_tests += tests/cli/run.sh
#                   It prints "ok ..." and "not ok ..." lines, fails with a status other
#                   than 0, and skips with 77: tests/tap.sh has functions for that.  Its
#                   environment is TESTS_ENVIRONMENT below.
# A bench:          EXTRA_PROGRAMS += tests/bench/bench_timer, built by its name only.
# A fuzz target:    if ENABLE_FUZZ
#                   noinst_PROGRAMS += tests/fuzz/fuzz_units
#                   tests_fuzz_fuzz_units_SOURCES = tests/fuzz/fuzz_units.c
#                   tests_fuzz_fuzz_units_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
#                   endif

TEST_LIBS = libvethsim.la $(CUNIT_LIBS) $(GSL_LIBS) $(DEPS_LIBS)
LDADD = $(TEST_LIBS)

TESTS = $(check_PROGRAMS) $(script_tests)
TEST_EXTENSIONS = .sh
SH_LOG_COMPILER = $(BASH)

# Tests must not write to top_srcdir: distcheck makes it read-only.
AM_TESTS_ENVIRONMENT = \
	top_srcdir='$(abs_top_srcdir)'; export top_srcdir; \
	top_builddir='$(abs_top_builddir)'; export top_builddir; \
	VETHSIM='$(abs_top_builddir)/vethsim$(EXEEXT)'; export VETHSIM; \
	CC='$(CC)'; export CC; \
	CXX='$(CXX)'; export CXX; \
	LC_ALL=C; export LC_ALL;

script_tests += tests/layers.sh tests/compile_headers.sh tests/install.sh
EXTRA_DIST += $(script_tests) tests/tally.sh tests/tap.sh

include tests/base/local.mk
include tests/engine/local.mk
include tests/packet/local.mk
include tests/balance/local.mk
include tests/net/local.mk
include tests/netfilter/local.mk
include tests/transport/local.mk
include tests/cluster/local.mk
include tests/model/local.mk
include tests/scenario/local.mk
include tests/results/local.mk
include tests/models/local.mk
include tests/oracle/local.mk
include tests/kernel/local.mk
include tests/golden/local.mk
include tests/fuzz/local.mk
include tests/bench/local.mk
include tests/cli/local.mk

# The CUnit programs alone: what the sanitizer build runs, and the commit hook.
check-unit:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(check_PROGRAMS)'

.PHONY: check-unit
