# libsim/scenario: from a file to a run.

scenario_headers = \
	libsim/scenario/probe.h \
	libsim/scenario/scenario.h \
	libsim/scenario/schema.h \
	libsim/scenario/simulation.h

libvethsim_la_SOURCES += \
	$(scenario_headers) \
	libsim/scenario/arena.c \
	libsim/scenario/arena.h \
	libsim/scenario/expand.c \
	libsim/scenario/hash.c \
	libsim/scenario/private.h \
	libsim/scenario/probe.c \
	libsim/scenario/probe_names.c \
	libsim/scenario/probe_names.h \
	libsim/scenario/reader_xml.c \
	libsim/scenario/reader_xml.h \
	libsim/scenario/reader_xml_element.c \
	libsim/scenario/reader_xml_include.c \
	libsim/scenario/reader_xml_internal.h \
	libsim/scenario/references.c \
	libsim/scenario/scenario.c \
	libsim/scenario/schema.c \
	libsim/scenario/settings.c \
	libsim/scenario/simulation.c \
	libsim/scenario/source.c \
	libsim/scenario/source.h \
	libsim/scenario/structure.c \
	libsim/scenario/words.c
