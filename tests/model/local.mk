# tests/model: the tests of libsim/model.

check_PROGRAMS += tests/model/test_param

tests_model_test_param_SOURCES = tests/model/test_param.c tests/scenario/toy_models.h
