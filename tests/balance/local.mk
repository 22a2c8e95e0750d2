# tests/balance: the tests of libsim/balance.

check_PROGRAMS += \
	tests/balance/test_balancer \
	tests/balance/test_disruption \
	tests/balance/test_ecmp \
	tests/balance/test_envoy \
	tests/balance/test_haproxy \
	tests/balance/test_haproxy_hash \
	tests/balance/test_ingress_nginx \
	tests/balance/test_ipvs \
	tests/balance/test_ipvs_hash \
	tests/balance/test_key \
	tests/balance/test_kong \
	tests/balance/test_maglev \
	tests/balance/test_maglev_programs \
	tests/balance/test_nginx \
	tests/balance/test_rendezvous \
	tests/balance/test_traefik

balance_tests_fixture = tests/balance/balance_fixture.h

tests_balance_test_balancer_SOURCES = tests/balance/test_balancer.c \
	$(balance_tests_fixture)
tests_balance_test_disruption_SOURCES = tests/balance/test_disruption.c \
	$(balance_tests_fixture)
tests_balance_test_ecmp_SOURCES = tests/balance/test_ecmp.c \
	$(balance_tests_fixture)
tests_balance_test_envoy_SOURCES = tests/balance/test_envoy.c \
	$(balance_tests_fixture)
tests_balance_test_haproxy_SOURCES = tests/balance/test_haproxy.c \
	tests/balance/haproxy_fixture.h $(balance_tests_fixture)
tests_balance_test_haproxy_hash_SOURCES = tests/balance/test_haproxy_hash.c \
	tests/balance/haproxy_fixture.h $(balance_tests_fixture)
tests_balance_test_ingress_nginx_SOURCES = tests/balance/test_ingress_nginx.c \
	$(balance_tests_fixture)
tests_balance_test_ipvs_SOURCES = tests/balance/test_ipvs.c \
	$(balance_tests_fixture)
tests_balance_test_ipvs_hash_SOURCES = tests/balance/test_ipvs_hash.c \
	$(balance_tests_fixture)
tests_balance_test_key_SOURCES = tests/balance/test_key.c \
	$(balance_tests_fixture)
tests_balance_test_kong_SOURCES = tests/balance/test_kong.c \
	$(balance_tests_fixture)
tests_balance_test_maglev_SOURCES = tests/balance/test_maglev.c \
	$(balance_tests_fixture)
tests_balance_test_maglev_programs_SOURCES = tests/balance/test_maglev_programs.c \
	$(balance_tests_fixture)
tests_balance_test_nginx_SOURCES = tests/balance/test_nginx.c \
	$(balance_tests_fixture)
tests_balance_test_rendezvous_SOURCES = tests/balance/test_rendezvous.c \
	$(balance_tests_fixture)
tests_balance_test_traefik_SOURCES = tests/balance/test_traefik.c \
	$(balance_tests_fixture)

# nginx and HAProxy themselves are asked.  These print what a balancer picks; they are no
# tests themselves.
EXTRA_PROGRAMS += tests/balance/haproxy_pick tests/balance/nginx_pick
tests_balance_haproxy_pick_SOURCES = tests/balance/haproxy_pick.c
tests_balance_haproxy_pick_LDADD = libvethsim.la $(DEPS_LIBS)
tests_balance_nginx_pick_SOURCES = tests/balance/nginx_pick.c
tests_balance_nginx_pick_LDADD = libvethsim.la $(DEPS_LIBS)
CLEANFILES += tests/balance/haproxy_pick tests/balance/nginx_pick

script_tests += tests/balance/failures.sh tests/balance/haproxy.sh tests/balance/nginx.sh
EXTRA_DIST += tests/balance/failures.py tests/balance/haproxy.py tests/balance/nginx.py
tests/balance/haproxy.log: tests/balance/haproxy_pick$(EXEEXT)
tests/balance/nginx.log: tests/balance/nginx_pick$(EXEEXT)
