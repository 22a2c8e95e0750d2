# tools/vethsim: the command: main.c and a file for each verb.

vethsim_SOURCES += \
	tools/vethsim/cmd.c \
	tools/vethsim/cmd.h \
	tools/vethsim/cmd_check.c \
	tools/vethsim/cmd_export.c \
	tools/vethsim/cmd_models.c \
	tools/vethsim/cmd_plot.c \
	tools/vethsim/cmd_run.c \
	tools/vethsim/cmd_schema.c \
	tools/vethsim/cmd_select.c \
	tools/vethsim/cmd_trace.c \
	tools/vethsim/main.c
