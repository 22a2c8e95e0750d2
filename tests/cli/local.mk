# tests/cli: the command, from outside.  The scenarios of broken/ are data.

script_tests += \
	tests/cli/test_broken.sh \
	tests/cli/test_cli.sh \
	tests/cli/test_import.sh \
	tests/cli/test_run.sh \
	tests/cli/test_select.sh \
	tests/cli/test_trace.sh
EXTRA_DIST += tests/cli/command.sh
