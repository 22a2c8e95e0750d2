# tests/kernel: the kernel itself as the oracle.  netprobe sends, answers and records in
# network namespaces; it is no test itself.

EXTRA_PROGRAMS += tests/kernel/netprobe
tests_kernel_netprobe_SOURCES = tests/kernel/netprobe.c
tests_kernel_netprobe_LDADD =
CLEANFILES += tests/kernel/netprobe

script_tests += tests/kernel/kernel.sh
EXTRA_DIST += \
	tests/kernel/cases.txt \
	tests/kernel/cluster.xml \
	tests/kernel/compare.py
tests/kernel/kernel.log: tests/kernel/netprobe$(EXEEXT)
