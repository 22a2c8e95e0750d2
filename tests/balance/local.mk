# tests/balance: the tests of libsim/balance.

check_PROGRAMS += tests/balance/test_balancer tests/balance/test_maglev

tests_balance_test_balancer_SOURCES = tests/balance/test_balancer.c
tests_balance_test_maglev_SOURCES = tests/balance/test_maglev.c
