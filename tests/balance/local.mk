# tests/balance: the tests of libsim/balance.

check_PROGRAMS += \
	tests/balance/test_balancer \
	tests/balance/test_envoy \
	tests/balance/test_ipvs \
	tests/balance/test_ipvs_hash \
	tests/balance/test_disruption \
	tests/balance/test_key \
	tests/balance/test_kong \
	tests/balance/test_maglev \
	tests/balance/test_maglev_programs \
	tests/balance/test_rendezvous
	tests/balance/test_ingress_nginx \
	tests/balance/test_key \
	tests/balance/test_maglev \
	tests/balance/test_nginx \
	tests/balance/test_traefik

balance_tests_fixture = tests/balance/balance_fixture.h

tests_balance_test_balancer_SOURCES = tests/balance/test_balancer.c \
	$(balance_tests_fixture)
tests_balance_test_envoy_SOURCES = tests/balance/test_envoy.c $(balance_tests_fixture)
tests_balance_test_ipvs_SOURCES = tests/balance/test_ipvs.c $(balance_tests_fixture)
tests_balance_test_ipvs_hash_SOURCES = tests/balance/test_ipvs_hash.c \
tests_balance_test_disruption_SOURCES = tests/balance/test_disruption.c \
	$(balance_tests_fixture)
tests_balance_test_key_SOURCES = tests/balance/test_key.c
tests_balance_test_kong_SOURCES = tests/balance/test_kong.c $(balance_tests_fixture)
tests_balance_test_maglev_SOURCES = tests/balance/test_maglev.c $(balance_tests_fixture)
tests_balance_test_maglev_programs_SOURCES = tests/balance/test_maglev_programs.c \
	$(balance_tests_fixture)
tests_balance_test_rendezvous_SOURCES = tests/balance/test_rendezvous.c \
	$(balance_tests_fixture)
tests_balance_test_ingress_nginx_SOURCES = tests/balance/test_ingress_nginx.c \
	$(balance_tests_fixture)
tests_balance_test_nginx_SOURCES = tests/balance/test_nginx.c $(balance_tests_fixture)
tests_balance_test_traefik_SOURCES = tests/balance/test_traefik.c $(balance_tests_fixture)

# nginx itself as the oracle.  pick prints what a balancer picks; it is no test itself.
EXTRA_PROGRAMS += tests/balance/pick
tests_balance_pick_SOURCES = tests/balance/pick.c
tests_balance_pick_LDADD = libvethsim.la $(DEPS_LIBS)
CLEANFILES += tests/balance/pick

script_tests += tests/balance/nginx.sh
EXTRA_DIST += tests/balance/nginx.py
tests/balance/nginx.log: tests/balance/pick$(EXEEXT)
