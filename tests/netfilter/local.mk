# tests/netfilter: the tests of libsim/netfilter.

nat_fixture = tests/netfilter/nat_box.h $(net_fixture)

rules_fixture = tests/netfilter/rules_fixture.h
# Reads and prints: for iptables_restore.sh.
noinst_PROGRAMS += tests/netfilter/iptables_cat
tests_netfilter_iptables_cat_SOURCES = tests/netfilter/iptables_cat.c
# Part of "make all", which must do without the test libraries.
tests_netfilter_iptables_cat_LDADD = libvethsim.la $(DEPS_LIBS)

check_PROGRAMS += \
	tests/netfilter/test_conntrack \
	tests/netfilter/test_conntrack_race \
	tests/netfilter/test_conntrack_rules \
	tests/netfilter/test_conntrack_tcp \
	tests/netfilter/test_evaluate \
	tests/netfilter/test_evaluate_match \
	tests/netfilter/test_evaluate_sets \
	tests/netfilter/test_evaluate_twin \
	tests/netfilter/test_explain \
	tests/netfilter/test_filter \
	tests/netfilter/test_ipset \
	tests/netfilter/test_iptables_parse \
	tests/netfilter/test_iptables_print \
	tests/netfilter/test_ipvs \
	tests/netfilter/test_ipvs_balancers \
	tests/netfilter/test_ipvs_scheduler \
	tests/netfilter/test_kube_proxy_choice \
	tests/netfilter/test_nat \
	tests/netfilter/test_nat_icmp \
	tests/netfilter/test_nat_ports \
	tests/netfilter/test_nat_ranges \
	tests/netfilter/test_number \
	tests/netfilter/test_replace \
	tests/netfilter/test_ruleset \
	tests/netfilter/test_story

tests_netfilter_test_conntrack_SOURCES = tests/netfilter/test_conntrack.c $(nat_fixture)
tests_netfilter_test_conntrack_tcp_SOURCES = tests/netfilter/test_conntrack_tcp.c \
	$(nat_fixture)
tests_netfilter_test_evaluate_SOURCES = tests/netfilter/test_evaluate.c $(rules_fixture)
tests_netfilter_test_evaluate_match_SOURCES = tests/netfilter/test_evaluate_match.c \
	tests/base/random_fixture.h $(rules_fixture)
tests_netfilter_test_evaluate_match_CFLAGS = $(AM_CFLAGS) $(GSL_CFLAGS)
tests_netfilter_test_evaluate_match_LDADD = $(TEST_LIBS) $(GSL_LIBS)
tests_netfilter_test_evaluate_sets_SOURCES = tests/netfilter/test_evaluate_sets.c \
	tests/base/random_fixture.h $(rules_fixture)
tests_netfilter_test_evaluate_sets_CFLAGS = $(AM_CFLAGS) $(GSL_CFLAGS)
tests_netfilter_test_evaluate_sets_LDADD = $(TEST_LIBS) $(GSL_LIBS)
tests_netfilter_test_evaluate_twin_SOURCES = tests/netfilter/test_evaluate_twin.c \
	tests/netfilter/random_rules.c tests/netfilter/random_rules.h \
	tests/netfilter/rules_twin.c tests/netfilter/rules_twin.h $(rules_fixture)
tests_netfilter_test_explain_SOURCES = tests/netfilter/test_explain.c $(rules_fixture)
tests_netfilter_test_filter_SOURCES = tests/netfilter/test_filter.c $(nat_fixture)
tests_netfilter_test_nat_SOURCES = tests/netfilter/test_nat.c $(nat_fixture)
tests_netfilter_test_nat_icmp_SOURCES = tests/netfilter/test_nat_icmp.c $(nat_fixture)
tests_netfilter_test_nat_ports_SOURCES = tests/netfilter/test_nat_ports.c $(nat_fixture)
tests_netfilter_test_number_SOURCES = tests/netfilter/test_number.c $(rules_fixture)
tests_netfilter_test_replace_SOURCES = tests/netfilter/test_replace.c
tests_netfilter_test_ruleset_SOURCES = tests/netfilter/test_ruleset.c $(rules_fixture)
tests_netfilter_test_story_SOURCES = tests/netfilter/test_story.c $(nat_fixture)
tests_netfilter_test_ipset_SOURCES = tests/netfilter/test_ipset.c
tests_netfilter_test_iptables_parse_SOURCES = tests/netfilter/test_iptables_parse.c
tests_netfilter_test_iptables_print_SOURCES = tests/netfilter/test_iptables_print.c

script_tests += tests/netfilter/iptables_restore.sh
EXTRA_DIST += \
	tests/netfilter/rules/kube_proxy.restore \
	tests/netfilter/rules/options.rules \
	tests/netfilter/rules/sets.ipset \
	tests/netfilter/rules/sets.rules

# nft's texts.  nft_show prints rulesets for nft_restore.sh; it is no test itself.
check_PROGRAMS += \
	tests/netfilter/test_nft_parse \
	tests/netfilter/test_nft_print

tests_netfilter_test_nft_parse_SOURCES = tests/netfilter/test_nft_parse.c
tests_netfilter_test_nft_print_SOURCES = tests/netfilter/test_nft_print.c

EXTRA_PROGRAMS += tests/netfilter/nft_show
tests_netfilter_nft_show_SOURCES = tests/netfilter/nft_show.c
tests_netfilter_nft_show_LDADD = libvethsim.la $(DEPS_LIBS)
CLEANFILES += tests/netfilter/nft_show

script_tests += tests/netfilter/nft_restore.sh
EXTRA_DIST += tests/netfilter/kube_proxy.nft tests/netfilter/constructs.nft
tests/netfilter/nft_restore.log: tests/netfilter/nft_show$(EXEEXT)
tests_netfilter_test_conntrack_race_SOURCES = tests/netfilter/test_conntrack_race.c \
	$(nat_fixture)
tests_netfilter_test_conntrack_rules_SOURCES = \
	tests/netfilter/test_conntrack_rules.c $(nat_fixture)
tests_netfilter_test_nat_ranges_SOURCES = tests/netfilter/test_nat_ranges.c $(nat_fixture)
tests_netfilter_test_kube_proxy_choice_SOURCES = \
	tests/netfilter/test_kube_proxy_choice.c
tests_netfilter_test_ipvs_SOURCES = tests/netfilter/test_ipvs.c $(nat_fixture)
tests_netfilter_test_ipvs_balancers_SOURCES = tests/netfilter/test_ipvs_balancers.c \
	$(nat_fixture)
tests_netfilter_test_ipvs_scheduler_SOURCES = tests/netfilter/test_ipvs_scheduler.c \
	$(nat_fixture)
