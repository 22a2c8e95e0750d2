# tests/netfilter: the tests of libsim/netfilter.
