# tests/scenario: the tests of libsim/scenario.

check_PROGRAMS += \
	tests/scenario/test_expand \
	tests/scenario/test_reader_xml \
	tests/scenario/test_schema \
	tests/scenario/test_simulation

toy_scenario_headers = tests/scenario/toy_models.h tests/scenario/toy_scenario.h

tests_scenario_test_expand_SOURCES = tests/scenario/test_expand.c $(toy_scenario_headers)
tests_scenario_test_reader_xml_SOURCES = tests/scenario/test_reader_xml.c \
	tests/temporary_folder.h $(toy_scenario_headers)
tests_scenario_test_schema_SOURCES = tests/scenario/test_schema.c $(toy_scenario_headers)
tests_scenario_test_simulation_SOURCES = tests/scenario/test_simulation.c \
	tests/engine/count_allocations.h
