# tests/cluster: the tests of libsim/cluster.
