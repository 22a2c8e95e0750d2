# tests/bench: programs that measure speed; "make bench" builds and runs them all.

benches = \
	tests/bench/bench_article \
	tests/bench/bench_balance \
	tests/bench/bench_bulk \
	tests/bench/bench_chain \
	tests/bench/bench_hash \
	tests/bench/bench_hold \
	tests/bench/bench_kubeproxy \
	tests/bench/bench_memory \
	tests/bench/bench_path \
	tests/bench/bench_rules \
	tests/bench/bench_tables

if HAVE_DPDK
benches += tests/bench/peer_dpdk tests/bench/peer_dpdk_tables
endif

EXTRA_PROGRAMS += $(benches)

tests_bench_bench_article_SOURCES = tests/bench/bench_article.c tests/bench/bench.h
tests_bench_bench_balance_SOURCES = tests/bench/bench_balance.c tests/bench/bench.h
tests_bench_bench_bulk_SOURCES = tests/bench/bench_bulk.c tests/bench/bench.h
tests_bench_bench_chain_SOURCES = tests/bench/bench_chain.c tests/bench/bench.h
tests_bench_bench_hash_SOURCES = tests/bench/bench_hash.c tests/bench/bench_hash.h \
	tests/bench/bench.h
tests_bench_bench_hold_SOURCES = tests/bench/bench_hold.c tests/bench/bench.h
tests_bench_bench_kubeproxy_SOURCES = tests/bench/bench_kubeproxy.c tests/bench/bench.h
tests_bench_bench_memory_SOURCES = tests/bench/bench_memory.c
tests_bench_bench_path_SOURCES = tests/bench/bench_path.c tests/bench/bench.h
tests_bench_bench_rules_SOURCES = tests/bench/bench_rules.c tests/bench/bench.h
tests_bench_bench_tables_SOURCES = tests/bench/bench_tables.c tests/bench/bench_tables.h \
	tests/bench/bench.h
tests_bench_bench_tables_LDADD = $(LDADD) -lm

# They take headers of DPDK alone, which are C.
if HAVE_DPDK
tests_bench_peer_dpdk_SOURCES = tests/bench/peer_dpdk.c tests/bench/bench_hash.h \
	tests/bench/bench.h
tests_bench_peer_dpdk_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS) -Wno-shadow
tests_bench_peer_dpdk_LDADD = $(LDADD) $(DPDK_LIBS)
tests_bench_peer_dpdk_tables_SOURCES = tests/bench/peer_dpdk_tables.c \
	tests/bench/bench_tables.h tests/bench/bench.h
tests_bench_peer_dpdk_tables_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS)
tests_bench_peer_dpdk_tables_LDADD = $(LDADD) $(DPDK_LIBS)
endif

EXTRA_DIST += \
	tests/bench/README.md \
	tests/bench/peer_ns3.cpp \
	tests/bench/peer_ns3_tcp.cpp \
	tests/bench/peer_simgrid.cpp \
	tests/bench/run.sh

CLEANFILES += $(benches) tests/bench/peer_ns3 tests/bench/peer_ns3_tcp \
	tests/bench/peer_simgrid

# BENCH="hold chain" runs some of them; RUNS=5 are the samples of each median.
bench: $(benches)
	top_srcdir='$(abs_top_srcdir)' CXX='$(CXX)' CC='$(CC)' CFLAGS='$(CFLAGS)' \
	$(BASH) $(top_srcdir)/tests/bench/run.sh $(BENCH)

.PHONY: bench
