# tests/golden: what must not change, run after run, compiler after compiler.

noinst_PROGRAMS += tests/golden/digest
tests_golden_digest_SOURCES = tests/golden/digest.c
# Part of "make all", which must do without the test libraries.
tests_golden_digest_LDADD = libvethsim.la $(DEPS_LIBS)

script_tests += \
	tests/golden/compilers.sh \
	tests/golden/digests.sh \
	tests/golden/examples.sh \
	tests/golden/figures.sh \
	tests/golden/incidents.sh \
	tests/golden/links.sh \
	tests/golden/readme.sh \
	tests/golden/schema.sh

EXTRA_DIST += \
	tests/golden/digests.txt \
	tests/golden/examples.py \
	tests/golden/incidents.py \
	tests/golden/renew.sh

# What compilers.sh keeps.
clean-local:
	rm -rf tests/golden/compilers
