# tests/model: the tests of libsim/model.

check_PROGRAMS += \
	tests/model/test_import_ip \
	tests/model/test_param

tests_model_test_import_ip_SOURCES = tests/model/test_import_ip.c
tests_model_test_param_SOURCES = tests/model/test_param.c tests/scenario/toy_models.h
