# tests/kernel: the kernel itself as the oracle.  netprobe sends, answers and records in
# network namespaces; it is no test itself.

EXTRA_PROGRAMS += tests/kernel/netprobe
tests_kernel_netprobe_SOURCES = tests/kernel/netprobe.c
tests_kernel_netprobe_LDADD =
CLEANFILES += tests/kernel/netprobe

EXTRA_PROGRAMS += tests/kernel/policy_choose
tests_kernel_policy_choose_SOURCES = tests/kernel/policy_choose.c
tests_kernel_policy_choose_LDADD = libvethsim.la $(DEPS_LIBS)
CLEANFILES += tests/kernel/policy_choose

EXTRA_PROGRAMS += tests/kernel/nft_walk
tests_kernel_nft_walk_SOURCES = tests/kernel/nft_walk.c
tests_kernel_nft_walk_LDADD = libvethsim.la $(DEPS_LIBS)
CLEANFILES += tests/kernel/nft_walk

EXTRA_PROGRAMS += tests/kernel/sidecar_connect
tests_kernel_sidecar_connect_SOURCES = tests/kernel/sidecar_connect.c
tests_kernel_sidecar_connect_LDADD = libvethsim.la $(DEPS_LIBS)
CLEANFILES += tests/kernel/sidecar_connect

script_tests += \
	tests/kernel/ecmp.sh \
	tests/kernel/kernel.sh \
	tests/kernel/nft_hash.sh \
	tests/kernel/policy.sh \
	tests/kernel/qdisc.sh \
	tests/kernel/sidecar.sh \
	tests/kernel/window.sh
EXTRA_DIST += \
	tests/kernel/bulk.py \
	tests/kernel/cases.txt \
	tests/kernel/cluster.xml \
	tests/kernel/compare.py \
	tests/kernel/ecmp.json \
	tests/kernel/ecmp.xml \
	tests/kernel/qdisc.xml \
	tests/kernel/sidecar.cases \
	tests/kernel/sidecar.py \
	tests/kernel/sidecar.xml \
	tests/kernel/vpc.xml \
	tests/kernel/window.py \
	tests/kernel/window.xml
tests/kernel/ecmp.log: tests/kernel/policy_choose$(EXEEXT)
tests/kernel/kernel.log: tests/kernel/netprobe$(EXEEXT)
tests/kernel/nft_hash.log: tests/kernel/netprobe$(EXEEXT) tests/kernel/nft_walk$(EXEEXT)
tests/kernel/policy.log: tests/kernel/policy_choose$(EXEEXT)
tests/kernel/sidecar.log: tests/kernel/sidecar_connect$(EXEEXT)
