# tests/net: the tests of libsim/net.
